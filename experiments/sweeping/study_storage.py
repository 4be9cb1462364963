"""Where a study is that several machines share: a database, or a journal file on a file system that they share."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.event import listen
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from experiments.cli.user_errors import UserError, said
from experiments.sweeping.journal_lock import JournalLock

BEAT = 30
"""Seconds between two signs of life of a trial; without four it is another worker's."""
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
"""SQLAlchemy's own choice for PostgreSQL is the driver before."""
PATIENCE = 60
"""Seconds that a transaction waits for those of other workers where a database has one at a time."""
TRIES = 5  # workers that start together make the tables together, which PostgreSQL refuses to all but one


def open_storage(where: str) -> BaseStorage:
    """Return a storage by its URL, or by the path of its journal file; what is missing is made.

    Raises:
        UserError: If it is no URL, its driver is missing, or it cannot be reached.
    """
    with storage_errors(where):
        if "://" not in where:
            Path(where).parent.mkdir(parents=True, exist_ok=True)
            return JournalStorage(JournalFileBackend(where, JournalLock(where)))
        for tried in range(1, TRIES + 1):
            try:
                return _database(where)
            except (IntegrityError, ProgrammingError, OperationalError, StorageInternalError):
                if tried == TRIES:
                    raise
                sleep(0.2 * tried)
    raise AssertionError("unreachable")


def _database(where: str) -> RDBStorage:
    url = make_url(where)
    url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
    is_postgres, is_sqlite = (url.get_backend_name() == name for name in ("postgresql", "sqlite"))
    engine: dict[str, Any] = {"pool_pre_ping": True}  # a connection from before a restart is made anew
    engine |= {"connect_args": {"connect_timeout": 10}} if is_postgres else {}
    engine |= {"connect_args": {"timeout": PATIENCE}} if is_sqlite else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # signs of life are experimental, Optuna says
        made = url.render_as_string(hide_password=False)
        storage = RDBStorage(made, engine, heartbeat_interval=BEAT, grace_period=4 * BEAT)
    if is_sqlite:
        listen(storage.engine, "begin", _begin_alone)
    if is_postgres:
        listen(storage.engine, "connect", _tell_times_in_utc)
        storage.engine.dispose()  # connections from before
    return storage


def _tell_times_in_utc(connection: Any, _: object) -> None:
    """Let PostgreSQL keep signs of life in UTC: they have no zone, and are compared.

    Else all would be an hour old when the server's clocks are put forward, and hours old for who has another ``PGTZ``.
    """
    cursor = connection.cursor()
    cursor.execute("SET TIME ZONE 'UTC'")
    cursor.close()
    connection.commit()


def _begin_alone(connection: Connection) -> None:
    """Let one transaction at a time read or write: SQLite has no ``SELECT FOR UPDATE``, by which trials are taken."""
    connection.connection.isolation_level = None  # type: ignore[attr-defined]  # else the driver begins on its own
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def shown(where: str) -> str:
    """Return a storage as it may be printed.

    Example:
        >>> shown("postgresql://me:secret@db/sweeps"), shown("runs/lambda.journal")
        ('postgresql://me:***@db/sweeps', 'runs/lambda.journal')
    """
    if "://" not in where:
        return where
    try:
        return make_url(where).render_as_string(hide_password=True)
    except ArgumentError:
        return where.partition("://")[0] + "://…"


@contextmanager
def storage_errors(where: str) -> Iterator[None]:
    """Make what goes wrong with a storage the user's to mend."""
    try:
        yield
    except ImportError as error:
        package = getattr(error.__cause__, "name", None) or getattr(error, "name", None) or "of its driver"
        raise UserError(f"--storage {shown(where)}: expected the package {package}, got none") from error
    except ArgumentError as error:
        raise UserError(f"--storage {shown(where)}: expected a database's URL or a file, got {said(error)}") from error
    except (SQLAlchemyError, StorageInternalError, OSError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
        first = str(getattr(cause, "orig", None) or cause).strip().partition("\n")[0]
        went = f"expected the study's storage to answer, got {first}"
        raise UserError(f"--storage {shown(where)}: {went}; the same command goes on where it stopped") from error

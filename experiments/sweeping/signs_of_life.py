"""Which running trials are someone's, and which were left by a worker that was killed."""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Protocol

from optuna import Study, Trial
from optuna.storages import BaseStorage, RDBStorage, fail_stale_trials
from optuna.trial import TrialState

from experiments.runs.lease import Lease

SETTLING = 10.0
"""Seconds from a trial's first sight until its lease is asked for: who begins one takes its lease a moment later."""


class SignsOfLife(Protocol):
    """Keeps a trial this worker's, and lets those go that are nobody's."""

    def of(self, trial: Trial) -> AbstractContextManager[None]:
        """Give signs of life of a trial."""

    def fail_silent(self, study: Study) -> None:
        """Let trials fail whose workers give none."""


class Heartbeats:
    """Those of a database: Optuna's heartbeats, a row that is renewed.

    A thread gives them. What goes wrong with one is not said: the next may go well, and if the database is gone, the
    trial's result is what cannot be written.
    """

    def __init__(self, storage: RDBStorage, seconds: float) -> None:
        self.storage, self.seconds = storage, seconds

    @contextmanager
    def of(self, trial: Trial) -> Iterator[None]:
        """See :class:`SignsOfLife`."""
        ended = Event()

        def beat() -> None:
            while True:
                with suppress(Exception):
                    self.storage.record_heartbeat(trial._trial_id)
                if ended.wait(self.seconds):
                    return

        thread = Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(self.seconds)

    def fail_silent(self, study: Study) -> None:
        """See :class:`SignsOfLife`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is experimental, Optuna says
            fail_stale_trials(study)


class TrialLeases:
    """Those of a journal file, for which Optuna has none: leases beside it."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self._leases: dict[int, Lease] = {}
        self._seen: dict[int, float] = {}

    @contextmanager
    def of(self, trial: Trial) -> Iterator[None]:
        """See :class:`SignsOfLife`."""
        lease = self._lease(trial.number)
        lease.take()
        try:
            yield
        finally:
            lease.give_back()

    def fail_silent(self, study: Study) -> None:
        """See :class:`SignsOfLife`."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            since = self._seen.setdefault(trial.number, monotonic())
            if monotonic() > since + SETTLING and self._lease(trial.number).take():
                study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
                self._lease(trial.number).give_back()

    def _lease(self, number: int) -> Lease:
        place = self.journal.with_name(f"{self.journal.name}.trial-{number}")
        return self._leases.setdefault(number, Lease(place))


def signs_of_life(storage: BaseStorage, where: str, seconds: float) -> SignsOfLife:
    """Return what fits a storage."""
    return Heartbeats(storage, seconds) if isinstance(storage, RDBStorage) else TrialLeases(Path(where))

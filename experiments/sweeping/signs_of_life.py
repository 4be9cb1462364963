"""Which running trials are someone's, and which were left by a worker that was killed."""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

from optuna import Study, Trial
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState

from experiments.runs.lease import Lease


class SignsOfLife(Protocol):
    """Keeps a trial this worker's, and lets those go that are nobody's.

    The first sign is given before a trial runs, and the last when it has ended: so none runs that nobody can be seen to
    be at, wherever its worker is killed.
    """

    def begin(self, trial: FrozenTrial) -> bool:
        """Give the first sign of life of a trial that waits, and return whether no other worker is about to take it."""

    def leave(self, trial: FrozenTrial) -> None:
        """Give none of a trial that another has taken."""

    def of(self, trial: Trial) -> AbstractContextManager[None]:
        """Give signs of life of a trial that was begun."""

    def fail_silent(self, study: Study) -> None:
        """Let trials fail whose workers give none."""

    def close(self) -> None:
        """Give none of any trial from now on."""


class Heartbeats:
    """Those of a database: Optuna's heartbeats, a row that is renewed.

    A thread gives them. What goes wrong with one is not said: the next may go well, and if the database is gone, the
    trial's result is what cannot be written.
    """

    def __init__(self, storage: RDBStorage, seconds: float) -> None:
        self.storage, self.seconds = storage, seconds

    def begin(self, trial: FrozenTrial) -> bool:
        """See :class:`SignsOfLife`."""
        self.storage.record_heartbeat(trial._trial_id)
        return True

    def leave(self, trial: FrozenTrial) -> None:
        """See :class:`SignsOfLife`: the sign grows old."""

    @contextmanager
    def of(self, trial: Trial) -> Iterator[None]:
        """See :class:`SignsOfLife`."""
        ended = Event()

        def beat() -> None:
            while not ended.wait(self.seconds):
                with suppress(Exception):
                    self.storage.record_heartbeat(trial._trial_id)
            with suppress(Exception):
                self.storage.remove_session()  # each thread has its own

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

    def close(self) -> None:
        """See :class:`SignsOfLife`: there are none but while a trial is run."""


class TrialLeases:
    """Those of a journal file, for which Optuna has none: leases beside it."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self._leases: dict[int, Lease] = {}

    def begin(self, trial: FrozenTrial) -> bool:
        """See :class:`SignsOfLife`."""
        return self._lease(trial).take()

    def leave(self, trial: FrozenTrial) -> None:
        """See :class:`SignsOfLife`."""
        self._lease(trial).give_back()

    @contextmanager
    def of(self, trial: Trial) -> Iterator[None]:
        """See :class:`SignsOfLife`."""
        try:
            yield
        finally:
            self._lease(trial).give_back()

    def fail_silent(self, study: Study) -> None:
        """See :class:`SignsOfLife`."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            lease = self._lease(trial)
            if lease.take():
                try:
                    with suppress(UpdateFinishedTrialError):
                        study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
                finally:
                    lease.give_back()

    def close(self) -> None:
        """See :class:`SignsOfLife`."""
        for lease in self._leases.values():
            lease.give_back()

    def _lease(self, trial: FrozenTrial | Trial) -> Lease:
        number = trial._trial_id  # over all studies of the journal
        return self._leases.setdefault(number, Lease(self.journal.with_name(f"{self.journal.name}.trial-{number}")))


def signs_of_life(storage: BaseStorage, where: str, seconds: float) -> SignsOfLife:
    """Return what fits a storage."""
    return Heartbeats(storage, seconds) if isinstance(storage, RDBStorage) else TrialLeases(Path(where))

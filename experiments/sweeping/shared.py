"""A sweep that any number of workers share, on any number of machines: its study is in a storage of theirs."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from time import sleep
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from experiments.cli.user_errors import UserError
from experiments.runs.digests import digest
from experiments.runs.process import sigterm_interrupts
from experiments.sweeping import study_storage
from experiments.sweeping.local import SweepTrial, number_of_trials, sampler
from experiments.sweeping.signs_of_life import signs_of_life
from experiments.sweeping.study_storage import open_storage, shown, storage_errors
from experiments.sweeping.sweep_file import Sweep
from experiments.sweeping.sweep_space import chosen

TICKET, RUN, NOTE = "ticket", "run", "note"
"""What a trial is known by in a study: which of the sweep's it is, where its run is, or what went wrong."""
Run = Callable[[int, Mapping[str, Any]], SweepTrial]
"""Runs a trial by its number and values."""
OPEN = (TrialState.WAITING, TrialState.RUNNING)
AT_FIRST = 5
"""Trials of a worker of which one must go well."""
LOOKS = 2.0
"""Seconds between two looks whether others have left something to do."""


def run_shared(sweep: Sweep, run: Run, count: int | None, *, settings: str, where: str) -> list[SweepTrial]:
    """Run what is left of a sweep, beside others that do so, and return all its trials when the last has ended.

    Args:
        sweep: Its file.
        run: Runs a trial.
        count: How many trials there are in all, over all workers.
        settings: What tells them from those of another sweep.
        where: The study's storage, a database's URL or a file.

    Raises:
        UserError: If the number of trials is missing, no run logs the metric, or the storage does not answer; what has
            been found is not lost. If this worker's first trials all fail: a machine that lacks something is not to
            use up those of the others.
    """
    points = list(sweep.grid()) if sweep.method == "grid" else []
    tickets, outcomes = range(number_of_trials(sweep, count, points)), list[bool]()
    with storage_errors(where), sigterm_interrupts(), ExitStack() as stack:
        shared = stack.enter_context(closing(SharedStudy(sweep, settings, where)))
        print(f"Study {shared.study.study_name} in {shown(where)}", flush=True)
        while shared.prepare(tickets, points):
            trial = shared.take()
            if trial is None:
                sleep(LOOKS)
            elif (found := shared.work(trial, run, len(tickets))) is not None:
                outcomes.append(found.result is not None)
                if len(outcomes) == AT_FIRST and not any(outcomes):
                    expected = f"expected one of this worker's first {AT_FIRST} trials to go well"
                    raise UserError(f"{sweep.path}: {expected}, got none; the last: {found.note}")
        return shared.ended()


class SharedStudy:
    """A study, whose name is that of a sweep and a digest of its settings: two different ones share none.

    A trial is a ticket, of which there are as many as the sweep has trials: a trial of Optuna's that waits, and that a
    worker takes, which the storage lets one of them. A ticket is settled by a trial that has a result, or has failed
    with a note of why. Of one whose worker was killed or stopped no trial is settled, waits or runs: it is made again,
    with the values of before. Where two workers make the same one at once, the second that is taken is left out. So no
    worker must be there for another, and no moment to be killed at loses a trial.
    """

    def __init__(self, sweep: Sweep, settings: str, where: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.sweep = sweep
        what = {key: value for key, value in sweep.config.items() if key not in {"description", "run_cap", "name"}}
        storage = open_storage(where)
        self.study = optuna.create_study(
            storage=storage,
            study_name=f"{sweep.name}-{digest(json.dumps(what, sort_keys=True), settings)}",
            direction="maximize" if sweep.goal == "maximize" else "minimize",
            load_if_exists=True,
        )
        self.storage, self.signs = storage, signs_of_life(storage, where, study_storage.BEAT)

    def close(self) -> None:
        """Give no sign of life any more, and close the connections to a database."""
        self.signs.close()
        self.storage.remove_session()
        if isinstance(self.storage, RDBStorage):
            self.storage.engine.dispose()

    def prepare(self, tickets: Sequence[int], points: Sequence[Mapping[str, Any]]) -> bool:
        """Make the tickets that are missing, and return whether some are not settled."""
        self.signs.fail_silent(self.study)
        found = self._by_ticket()
        for ticket in tickets:
            before = found.get(ticket, [])
            if not any(_is_settled(trial) or trial.state in OPEN for trial in before):
                values = points[ticket] if points else self._values_of(before)
                self.study.enqueue_trial(dict(values), user_attrs={TICKET: ticket})
        return not all(any(map(_is_settled, found.get(ticket, []))) for ticket in tickets)

    def take(self) -> optuna.Trial | None:
        """Take a trial that waits, ``None`` where others have taken all."""
        for waiting in self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            if not self.signs.begin(waiting):
                continue
            if self._is_taken(waiting):
                trial = optuna.Trial(self.study, waiting._trial_id)
                if not self._is_made_twice(trial):
                    return trial
                self.study.tell(trial, state=TrialState.PRUNED)
            self.signs.leave(waiting)
        return None

    def work(self, trial: optuna.Trial, run: Run, count: int) -> SweepTrial | None:
        """Run a trial, write what it found and return that, ``None`` where it has become another's meanwhile.

        One that is interrupted is left to whoever comes.
        """
        ticket = int(trial.user_attrs[TICKET])
        with self.signs.of(trial):
            try:
                found = self._run(trial, ticket, run, count)
                state = TrialState.FAIL if found.result is None else TrialState.COMPLETE
                if self.study.tell(trial, found.result, state=state, skip_if_finished=True).state != state:
                    raise UpdateFinishedTrialError
            except UpdateFinishedTrialError:
                print(f"Trial {ticket + 1} is another worker's, as this one gave no sign of life", flush=True)
                return None
            except BaseException:
                with suppress(Exception):  # where the storage is gone, its worker is silent
                    self.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
                raise
        print(f"    {self.sweep.metric}: {found.note if found.result is None else found.result}", flush=True)
        return found

    def ended(self) -> list[SweepTrial]:
        """Return what has been found, ticket by ticket."""
        settled = {ticket: next(filter(_is_settled, of), None) for ticket, of in sorted(self._by_ticket().items())}
        return [
            SweepTrial(
                ticket,
                self.sweep.values(one.params),
                one.value,
                one.user_attrs.get(RUN) or one.user_attrs.get(NOTE, ""),
            )
            for ticket, one in settled.items()
            if one is not None
        ]

    def _run(self, trial: optuna.Trial, ticket: int, run: Run, count: int) -> SweepTrial:
        self.study.sampler = sampler(self.sweep, ticket)
        values = self.sweep.values({name: chosen(trial, name, space) for name, space in self.sweep.space.items()})
        said = ", ".join(f"{name} = {value}" for name, value in values.items())
        print(f"Trial {ticket + 1} of {count}: {said}", flush=True)
        found = run(ticket, values)
        trial.set_user_attr(NOTE if found.result is None else RUN, found.note)
        return found

    def _values_of(self, before: Sequence[FrozenTrial]) -> Mapping[str, Any]:
        """Return what a ticket's earlier trials have drawn; nothing where a trial draws by its ticket alone."""
        whole = [trial.params for trial in before if trial.params.keys() == self.sweep.space.keys()]
        return whole[-1] if whole and self.sweep.method != "random" else {}

    def _is_taken(self, waiting: FrozenTrial) -> bool:
        """Let a trial run, and return whether no other worker has done so: the storage lets one."""
        try:
            return self.storage.set_trial_state_values(waiting._trial_id, state=TrialState.RUNNING)
        except UpdateFinishedTrialError:
            return False

    def _is_made_twice(self, trial: optuna.Trial) -> bool:
        """Whether a trial's ticket is settled, or another of its trials comes first."""
        ticket = int(trial.user_attrs[TICKET])
        others = [one for one in self._by_ticket().get(ticket, []) if one.number != trial.number]
        return any(_is_settled(one) or (one.state in OPEN and one.number < trial.number) for one in others)

    def _by_ticket(self) -> dict[int, list[FrozenTrial]]:
        found: dict[int, list[FrozenTrial]] = {}
        for trial in self.study.get_trials(deepcopy=False):
            if TICKET in trial.user_attrs:
                found.setdefault(int(trial.user_attrs[TICKET]), []).append(trial)
        return found


def _is_settled(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE or (trial.state == TrialState.FAIL and NOTE in trial.user_attrs)

"""A trial of a sweep as runs of the graph: a system with the swept values, after what it depends on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from experiments.cli import join_values
from experiments.cli.user_errors import UserError
from experiments.launch import parse
from experiments.options import chosen_setting
from experiments.runs.rehearsal import rehearsed
from experiments.runs.run_graph import Node, RunGraph
from experiments.runs.setting import Setting, add_system
from experiments.runs.spec import RunSpec, words_of
from experiments.sweeping.sweep_file import Sweep


class Trials:
    """Makes the runs of a sweep's trials.

    Raises:
        UserError: If an option would undo what is swept, the data cannot be used, or the sweep is of no training.
    """

    def __init__(self, sweep: Sweep, overrides: Sequence[str]) -> None:
        undone = [word for word in overrides if word.removeprefix("--").partition("=")[0] in sweep.space]
        if undone:
            raise UserError(f"{sweep.path}: expected other options than what is swept, got {undone[0]}")
        self.sweep = sweep
        self.graph = RunGraph()
        module, words = sweep.asked()
        self._system, self._before = "", tuple[str, ...]()
        if module == "experiments.launch":
            options, own = parse([*words, *overrides])
            self._system, self._setting = options.system, chosen_setting(options, own)
        elif words[:1] == ["fit"]:
            self._before = tuple(join_values(words[1:]))
            self._setting = Setting("demo", overrides=tuple(join_values(overrides)))
        else:
            raise UserError(f"{sweep.path}: expected `command` with experiments.train fit, got {' '.join(words)}")

    def node(self, values: Mapping[str, Any]) -> Node:
        """Return the run of a trial; what it depends on is in the graph before it.

        Raises:
            UserError: If a key does not exist, or a value is refused.
        """
        swept = words_of({**values, **self.sweep.fixed})
        setting = replace(self._setting, overrides=(*self._before, *swept, *self._setting.overrides))
        if self._system:
            return add_system(self.graph, setting, self._system)
        return self.graph.training(self.sweep.name, RunSpec("", overrides=setting.overrides))

    def rehearse(self) -> Node:
        """Return the first trial's run, after a look whether it can be built.

        Raises:
            UserError: If it cannot; the message names the sweep's file.
        """
        try:
            first = self.node(self.sweep.values(self.sweep.first()))
            rehearsed(first.spec)
        except UserError as error:
            raise UserError(f"{self.sweep.path}: {error}") from error
        return first

"""A sweep's file, in the format of Weights & Biases: what is understood of it here, and what a trial is."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from datamodules.yaml_file import read_yaml
from experiments.cli.user_errors import LONGEST_MESSAGE, UserError, as_user_errors
from experiments.sweeping.sweep_space import axis, check_choice, check_keys, parameter

METHODS = ("grid", "random", "bayes")
OF_THE_SERVER = ("program", "project", "entity", "description", "early_terminate")
TOP_LEVEL = ("command", "name", "method", "metric", "parameters", "run_cap", *OF_THE_SERVER)
METRIC = ("name", "goal")
GOALS = ("minimize", "maximize")
MACROS = ("${env}", "${interpreter}", "${program}", "${args}", "${args_no_hyphens}")
TRAININGS = ("experiments.launch", "experiments.train")
DEFAULT_COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")


@dataclass(frozen=True)
class Sweep:
    """What is swept, how it is judged, and what a trial is."""

    path: Path
    config: Mapping[str, Any]
    """The file as it is, for W&B."""
    name: str
    method: str
    metric: str
    goal: str
    fixed: Mapping[str, Any]
    """Values that all trials have."""
    space: Mapping[str, BaseDistribution]
    """What is swept; choices as JSON."""
    command: Sequence[str]
    run_cap: int | None = None

    def grid(self) -> Iterator[dict[str, Any]]:
        """Yield the grid's points, in the order of the file."""
        for point in itertools.product(*map(axis, self.space.values())):
            yield dict(zip(self.space, point, strict=True))

    def first(self) -> dict[str, Any]:
        """Return the first choices and the lower ends of ranges."""
        return {name: next(axis(distribution)) for name, distribution in self.space.items()}

    def values(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return the swept parameters' values, of what was chosen in ``space``."""
        choices = {name for name, kind in self.space.items() if isinstance(kind, CategoricalDistribution)}
        return {name: json.loads(chosen[name]) if name in choices else chosen[name] for name in self.space}

    def asked(self) -> tuple[str, list[str]]:
        """Return the module that a trial runs, and its arguments but for the trial's own.

        Raises:
            UserError: If it is none of this suite's trainings.
        """
        words = [word for word in self.command if word not in MACROS]
        module, *arguments = words[words.index("-m") + 1 :] if "-m" in words[:-1] else ["none"]
        if module not in TRAININGS:
            expected = f"expected `command` with -m {' or '.join(TRAININGS)}"
            raise UserError(f"{self.path}: {expected}, got {' '.join(self.command)}")
        return module, arguments


def read_sweep(path: Path | str, name: str | None = None) -> Sweep:
    """Read a sweep's file.

    Args:
        path: YAML, https://docs.wandb.ai/models/sweeps/sweep-config-keys.
        name: Of the sweep, instead of the file's.

    Raises:
        UserError: If it cannot be read, or says something that is not understood here; the message names file and key.
    """
    path = Path(path)
    with as_user_errors():
        content = read_yaml(path)
    try:
        return _sweep(path, content, name)
    except ValueError as error:
        raise UserError(f"{path}: {shorten(str(error), LONGEST_MESSAGE, placeholder=' …')}") from error


def _sweep(path: Path, config: Any, name: str | None) -> Sweep:
    check_keys("", config, TOP_LEVEL, required=("method", "metric", "parameters"))
    metric = config["metric"]
    check_keys("metric.", metric, METRIC, required=("name",))
    goal = metric.get("goal", "minimize")
    check_choice("method", config["method"], METHODS)
    check_choice("metric.goal", goal, GOALS)
    command = [str(part) for part in config.get("command", DEFAULT_COMMAND)]
    for part in command:
        if re.fullmatch(r"\$\{.*\}", part):
            check_choice("command", part, MACROS)
    if not isinstance(config["parameters"], dict):
        raise ValueError(f"expected `parameters` by name, got {config['parameters']!r}")
    parameters = {key: parameter(key, entry) for key, entry in config["parameters"].items()}
    space = {key: kind for key, kind in parameters.items() if isinstance(kind, BaseDistribution)}
    _check_space(space, config["method"])
    return Sweep(
        path=path,
        config=config,
        name=name or config.get("name") or path.stem,
        method=config["method"],
        metric=metric["name"],
        goal=goal,
        fixed={key: value for key, value in parameters.items() if key not in space},
        space=space,
        command=command,
        run_cap=config.get("run_cap"),
    )


def _check_space(space: Mapping[str, BaseDistribution], method: str) -> None:
    if not space:
        raise ValueError("expected `parameters` with one of several values at least, got none")
    if method == "grid":
        for key, kind in space.items():
            if not isinstance(kind, CategoricalDistribution | IntDistribution) and kind.step is None:  # type: ignore[attr-defined]  # a FloatDistribution
                raise ValueError(f"parameters.{key}: expected values, int_uniform or q_uniform in a grid, got a range")

"""How jobs are asked for: a cluster and submitit's parameters for it, refused before anything is submitted."""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from experiments.cli.messages import did_you_mean
from experiments.cli.user_errors import UserError, said
from experiments.runs.run_identity import RUNS

if TYPE_CHECKING:
    from submitit import AutoExecutor

CLUSTERS = ("local", "slurm")
JOBS = RUNS / "jobs"
"""Where submitit keeps what it submits and what jobs write: a folder a submission."""
TIMEOUTS = 100
"""How often a job may be queued again when its time is up: each time it has trained on."""
MINUTES = {"local": 60 * 24 * 7, "slurm": 600}
"""What a job may take by default, after which it is queued again."""
ONE = ("nodes", "tasks_per_node")
"""A job is one process on one machine, which starts what it needs."""


class JobOptions(NamedTuple):
    """A cluster and what jobs are to have."""

    cluster: str
    parameters: dict[str, Any]
    """Submitit's, by name."""

    def executor(self, folder: Path, **more: Any) -> "AutoExecutor":
        """Return what submits jobs that keep their files in a folder.

        Raises:
            UserError: If submitit or the cluster is not there, or a parameter is wrong.
        """
        with _refusals(self.cluster):
            from submitit import AutoExecutor  # noqa: PLC0415  paid for by those who submit

            limits: dict[str, Any] = {f"{cluster}_max_num_timeout": TIMEOUTS for cluster in CLUSTERS}
            executor = AutoExecutor(folder / "%j", cluster=self.cluster, **limits)
            executor.update_parameters(**{"timeout_min": MINUTES[self.cluster], **more, **self.parameters})
        return executor

    def __str__(self) -> str:
        """Return both in words."""
        given = {"timeout_min": MINUTES[self.cluster], **self.parameters}
        return f"{self.cluster} with {', '.join(f'{key}={value}' for key, value in given.items())}"


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose where runs are run."""
    parser.add_argument("--cluster", choices=CLUSTERS, help="submit runs as jobs through submitit")
    parser.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="submitit's, as slurm_partition=gpu"
    )


def job_options(cluster: str | None, given: Sequence[str]) -> JobOptions | None:
    """Return how jobs are asked for, ``None`` where runs are run here.

    Raises:
        UserError: If submitit or the cluster is not there, or an option does not exist or has a wrong value.
    """
    if cluster is None:
        if given:
            raise UserError(f"--option {given[0]}: expected --cluster beside it, got none")
        return None
    options = JobOptions(cluster, dict(_parameter(text) for text in given))
    known = _known(cluster)
    for key in options.parameters:
        if key not in known:
            hint = did_you_mean(key, known) or f"; there are {', '.join(known)}"
            raise UserError(f"--option {key}: expected a parameter of submitit's for {cluster}, got none such{hint}")
    options.executor(JOBS)
    return options


def _parameter(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UserError(f"--option {text}: expected key=value")
    try:
        read = json.loads(value)
    except ValueError:  # words are themselves
        read = value
    if key in ONE and read != 1:
        raise UserError(f"--option {text}: expected 1, as a run is one process's, which starts what it needs")
    return key, read


def _known(cluster: str) -> list[str]:
    """Return the names of parameters: those of all clusters, and of this one."""
    with _refusals(cluster):
        from submitit import AutoExecutor  # noqa: PLC0415  see above
        from submitit.core.plugins import get_executors  # noqa: PLC0415  see above

        own = get_executors()[cluster]._valid_parameters()
        return sorted([*AutoExecutor._typed_parameters(), *(f"{cluster}_{name}" for name in own)])


@contextmanager
def _refusals(cluster: str) -> Iterator[None]:
    """Make submitit's refusals this suite's."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UserError(f"--cluster {cluster}: expected the package {error.name}, got none") from error
    except (AssertionError, NameError, RuntimeError, TypeError, ValueError, OSError) as error:
        raise UserError(f"--cluster {cluster}: {said(error)}") from error

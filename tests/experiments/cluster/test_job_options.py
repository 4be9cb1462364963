"""What jobs are asked for is refused in one line before anything is submitted."""

import sys

import pytest

from experiments.cli.user_errors import UserError
from experiments.cluster.job_options import JOBS, job_options


@pytest.mark.parametrize(
    ("cluster", "option", "message"),
    [
        ("local", "timeout_mn=3", "--option timeout_mn: expected a parameter of submitit's for local, .*'timeout_min'"),
        ("local", "slurm_partition=gpu", "--option slurm_partition: .*there are cpus_per_task, "),
        ("slurm", "slurm_partiton=gpu", "--option slurm_partiton: .*did you mean 'slurm_partition'"),
        ("local", "timeout_min", "--option timeout_min: expected key=value"),
        ("local", "timeout_min=long", "--cluster local: .*timeout_min"),
        ("local", "nodes=2", "--option nodes=2: expected 1, as a run is one process's"),
        (None, "timeout_min=3", "--option timeout_min=3: expected --cluster beside it, got none"),
    ],
)
def test_what_is_no_option_is_refused(cluster: str | None, option: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        job_options(cluster, [option])
    assert "\n" not in str(error.value)


def test_a_cluster_or_a_package_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r'--cluster slurm: .*Could not detect "srun"'):
        job_options("slurm", [])
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match="--cluster local: expected the package submitit, got none"):
        job_options("local", [])


def test_values_are_numbers_lists_or_words() -> None:
    options = job_options("local", ["timeout_min=3", "gpus_per_node=0", 'local_setup=["true"]', "name=10:00"])
    assert options is not None
    assert options.parameters == {"timeout_min": 3, "gpus_per_node": 0, "local_setup": ["true"], "name": "10:00"}
    assert options.executor(JOBS, name="another").parameters["timeout_min"] == 3
    assert str(options).startswith("local with timeout_min=3, gpus_per_node=0")

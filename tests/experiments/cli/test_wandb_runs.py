"""W&B: online where a key is there and the server answers, offline where not, and never the end of a training."""

import os
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
import wandb
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import WandbLogger

from experiments.cli import run, wandb_runs
from experiments.cli.user_errors import UserError
from experiments.cli.wandb_runs import has_wandb_key, logs_online, settle_mode, start, unreachable
from tests.experiments.conftest import Options

KEY = "x" * 40


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start without any of W&B's variables, and put back what the code under test sets."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("WANDB_MODE", "WANDB_SILENT", "WANDB_INIT_TIMEOUT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr("wandb.teardown", lambda: None)
    unreachable.cache_clear()


@pytest.mark.parametrize(
    ("variables", "netrc", "has"),
    [
        ({}, None, False),
        ({"WANDB_API_KEY": ""}, None, False),
        ({"WANDB_API_KEY": " \t"}, None, False),
        ({"WANDB_API_KEY": KEY}, None, True),
        ({}, f"machine api.wandb.ai login user password {KEY}", True),
        ({}, f"machine example.org login user password {KEY}", False),
        ({"WANDB_BASE_URL": "https://example.org"}, f"machine example.org login user password {KEY}", True),
        ({}, "machine", False),
    ],
)
def test_an_empty_key_is_none(
    variables: dict[str, str], netrc: str | None, has: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if netrc is not None:
        (tmp_path / "netrc").write_text(netrc)
    assert has_wandb_key() == has
    settle_mode()
    assert os.environ.get("WANDB_MODE") == (None if has else "offline")


def test_a_mode_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "nonsense")
    with pytest.raises(UserError, match=r"Expected WANDB_MODE among online, offline, .*, got 'nonsense'"):
        settle_mode()


@pytest.fixture
def silent_server(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Listen, and never answer."""
    monkeypatch.setattr(wandb_runs, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_server_that_does_not_answer_is_unreachable(silent_server: str) -> None:
    assert "127.0.0.1" in str(unreachable(silent_server))
    assert "cannot be reached" in str(unreachable("http://127.0.0.1:9"))


def test_with_a_key_and_without_its_server_a_run_goes_on_offline_and_says_so(
    silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", silent_server)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with pytest.warns(UserWarning, match="this run is logged offline, to disk; WANDB_MODE=offline asks for that"):
        assert not logs_online()
    assert os.environ["WANDB_MODE"] == "offline"
    assert not logs_online()  # and says it once


def test_who_wants_it_online_is_told_what_to_do(silent_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", silent_server)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(UserError, match="WANDB_MODE=offline logs to disk"):
        logs_online()


@pytest.mark.parametrize("error", [RuntimeError("service died"), ValueError("a setting")])
def test_what_w_and_b_refuses_is_one_line_before_training(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")

    def init(**_: object) -> None:
        raise error

    monkeypatch.setattr("wandb.init", init)
    trainer = Trainer(logger=WandbLogger(), accelerator="cpu", enable_checkpointing=False)
    with pytest.raises(UserError, match=f"W&B: {type(error).__name__}: {error}; WANDB_MODE=offline logs to disk"):
        start(trainer)


@pytest.mark.parametrize("loaded", [False, True])
def test_only_where_launch_is_loaded_a_run_looks_for_its_inputs(loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    looked: list[object] = []
    monkeypatch.setattr(wandb.Run, "_detect_and_apply_job_inputs", looked.append)
    monkeypatch.delitem(sys.modules, wandb_runs.LAUNCH, raising=False)
    if loaded:
        monkeypatch.setitem(sys.modules, wandb_runs.LAUNCH, ModuleType(wandb_runs.LAUNCH))

    def init(**_: object) -> MagicMock:
        begun = MagicMock()
        wandb.Run._detect_and_apply_job_inputs(begun)
        return begun

    monkeypatch.setattr("wandb.init", init)
    start(Trainer(logger=WandbLogger(), accelerator="cpu", enable_checkpointing=False))
    assert len(looked) == loaded
    wandb.Run._detect_and_apply_job_inputs(MagicMock())  # afterwards it is W&B's own again
    assert len(looked) == loaded + 1


def test_w_and_b_failing_in_the_middle_of_a_run_is_a_warning(tiny: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    calls: list[object] = []

    def log_metrics(*args: object, **_: object) -> None:
        calls.append(args)
        raise ConnectionError("the service is gone")

    monkeypatch.setattr(WandbLogger, "log_metrics", log_metrics)
    options = [*tiny, "--trainer.callbacks=pytorch_lightning.callbacks.RichProgressBar", "--evaluate=false"]
    said: list[str] = []
    monkeypatch.setattr(wandb_runs, "rank_zero_warn", said.append)
    cli = run(["fit", "--config=trunk_demo", *options])
    (line,) = said
    assert line.startswith("W&B failed (the service is gone): the rest of this run is not logged there")
    assert cli.trainer.global_step > 0
    assert len(calls) == 1  # silent from then on
    assert Path("runs/trunk_demo/version_0/metrics.csv").read_text().count("train/loss")

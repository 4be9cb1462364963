"""A training that is asked to stop saves between batches, tells so by its status, and goes on as if it had not been."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from experiments.cli import FaceCLI, run
from experiments.runs.saving import TERMINATED
from tests.experiments.conftest import Options

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


class Signals(Callback):
    """Sends this process a signal, in the middle of a step or of a validation."""

    def __init__(self, number: int, step: int, *, validating: bool) -> None:
        self.number = number
        self.step = step
        self.validating = validating

    def on_before_optimizer_step(self, trainer: Trainer, *_: Any) -> None:
        if not self.validating and trainer.global_step == self.step:
            os.kill(os.getpid(), self.number)

    def on_validation_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if self.validating:
            os.kill(os.getpid(), self.number)


def fit(tiny: Options, *more: str, signals: Signals | None = None) -> FaceCLI:
    save = {
        "class_path": "pytorch_lightning.callbacks.ModelCheckpoint",
        "init_args": {"filename": "last", "enable_version_counter": False},
    }
    options = [
        *tiny,
        "--data.init_args.loading.batch_size=5",
        "--data.init_args.loading.evaluation_batch_size=2",
        "--trainer.max_epochs=3",
        f"--trainer.callbacks={[save]}",
        "--trainer.logger=false",
        "--evaluate=false",
    ]

    class Interrupted(FaceCLI):
        def instantiate_trainer(self, **kwargs: Any) -> Trainer:
            trainer = super().instantiate_trainer(**kwargs)
            if signals is not None:
                trainer.callbacks.insert(0, signals)  # type: ignore[attr-defined]  # it has them
            return trainer

    return run(["fit", "--config=trunk_demo", *options, *more], cli=Interrupted)


def weights(path: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return found


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    for name, weight in one.items():
        assert torch.equal(weight, other[name]), name


def test_asked_to_stop_a_training_saves_and_goes_on(
    tiny: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = dict(fit(tiny).model.state_dict())
    last = Path("checkpoints/last.ckpt")
    for number, validating in enumerate((False, True)):
        (tmp_path / str(number)).mkdir()
        monkeypatch.chdir(tmp_path / str(number))
        with pytest.raises(SystemExit) as stopped:
            fit(tiny, signals=Signals(signal.SIGTERM, 1, validating=validating))
        assert stopped.value.code == TERMINATED
        saved = torch.load(last, weights_only=True)
        assert saved["follows"] == ("validation" if validating else None)
        assert saved["global_step"] == (3 if validating else 2)  # after an epoch; after the step in progress
        fit(tiny, f"--ckpt_path={last}")
        assert_same(whole, weights(last))


def test_slurm_queues_it_again_and_it_goes_on(tiny: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = dict(fit(tiny).model.state_dict())
    (tmp_path / "job").mkdir()
    monkeypatch.chdir(tmp_path / "job")
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    slurm = {"JOB_ID": "7", "JOB_NAME": "train", "NTASKS": "1", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    before = signal.getsignal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    try:
        fit(tiny, signals=Signals(signal.SIGUSR1, 3, validating=False))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (tmp_path / "asked").read_text() == "requeue 7\n"
    assert torch.load("hpc_ckpt_1.ckpt", weights_only=True)["global_step"] == 4  # the step was taken to its end
    resumed = fit(tiny)  # by itself, from what was saved
    assert_same(whole, dict(resumed.model.state_dict()))

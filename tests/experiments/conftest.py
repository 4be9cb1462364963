"""A clean directory for every run, and options that make a demo configuration tiny."""

from pathlib import Path

import pytest
import torch

Options = list[str]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in an empty directory, without W&B, on one thread."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    torch.set_num_threads(1)
    return tmp_path


@pytest.fixture(scope="session")
def faces_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's generated faces are kept."""
    return tmp_path_factory.mktemp("faces")


@pytest.fixture(scope="session")
def short() -> Options:
    """Options of a run of one epoch of few steps, on any data."""
    return [
        "--trainer.max_epochs=1",
        "--trainer.log_every_n_steps=1",
        "--trainer.accelerator=cpu",
        "--data.init_args.loading.batch_size=8",
        "--data.init_args.loading.evaluation_batch_size=32",
        "--data.init_args.split.num_unseen=3",
    ]


@pytest.fixture(scope="session")
def tiny(faces_dir: Path, short: Options) -> Options:
    """Options of such a run on eight generated people."""
    source = {"num_identities": 8, "images_per_identity": 4, "num_workers": 0, "cache_dir": faces_dir}
    return [
        *(f"--data.init_args.source.init_args.{key}={value}" for key, value in source.items()),
        "--data.init_args.split.min_images=4",
        *short,
    ]

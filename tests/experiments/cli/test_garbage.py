"""The collector rests while a run is built, and works while it runs and after it."""

import gc

import pytest
from pytorch_lightning import Callback, LightningModule, Trainer

from experiments.cli import run
from experiments.cli.garbage import collected, uncollected
from tests.experiments.conftest import Options


class Seen(Callback):
    """Notes whether the collector works, where it is built and where it is run."""

    found: list[bool]

    def __init__(self) -> None:
        Seen.found.append(gc.isenabled())

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        Seen.found.append(gc.isenabled())


def test_it_rests_while_a_run_is_built_and_works_while_it_runs(tiny: Options) -> None:
    Seen.found = []
    run(["fit", "--config=trunk_demo", *tiny, "--evaluate=false", f"--trainer.callbacks={__name__}.Seen"])
    assert Seen.found == [False, True]
    assert gc.isenabled()


def test_it_works_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="wrong"), uncollected():
        raise ValueError("wrong")
    assert gc.isenabled()


def test_who_has_switched_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
        with uncollected():
            collected()
            assert gc.isenabled()
    finally:
        gc.enable()

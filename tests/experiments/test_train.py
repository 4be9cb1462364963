"""The demo configurations: every stage runs, and leaves what it promises."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Timer

from experiments.cli import FaceCLI, UserError, run
from experiments.measures import logged_names
from experiments.runs.layers import SYSTEMS
from tests.experiments.conftest import Options
from tests.helpers.run_measures import metrics
from tests.helpers.system_groups import FINE_TUNED, OCCLUDED

CATEGORIES = {"sunglasses", "party_mask", "scarf", "doctor_mask", "cup", "sunglasses+scarf"}
RECOGNITION = {f"test/{m}/{c}" for m in ("rank1", "accuracy", "eer") for c in CATEGORIES | {"none", "occluded"}}
IOU = {f"test/iou/{name}" for name in CATEGORIES | {"clean", "occluded", "mean", "false_alarm"}}
MEASURES = {
    "soidn": RECOGNITION | IOU,
    "soidn_shared": RECOGNITION | IOU,
    "baseline": RECOGNITION,
    "trunk": RECOGNITION,
    "segmentation": IOU,
    "model_a": RECOGNITION,
    "triplet": RECOGNITION,
    "batch_triplet": RECOGNITION,
}
FEW_PEOPLE_HAVE_NONE = {f"train/{name}" for name in ("mu_ap", "mu_an", "var_ap", "var_an", "decidability")}
"""Of triplets, where nobody is confused with another."""
FEW_PEOPLE = ["--data.init_args.identity_batches={identities: 4, images: 2}"]  # the demo's batches hold more


@pytest.mark.parametrize("system", [name for name in SYSTEMS if name not in OCCLUDED])  # which start from model A
def test_every_stage_runs_and_leaves_its_files(system: str, tiny: Options) -> None:
    options = [f"--config={system}_demo", *tiny, *(FEW_PEOPLE if system in FINE_TUNED else [])]
    run(["fit", *options])

    fitted = Path(f"runs/{system}_demo/version_0")
    assert MEASURES[system] <= set(metrics(fitted))
    _check_names(fitted, FEW_PEOPLE_HAVE_NONE if system in FINE_TUNED else set())
    assert all(math.isfinite(value) for value in metrics(fitted).values())
    for name in ("config.yaml", "metrics.csv", "checkpoints/best.ckpt", "checkpoints/last.ckpt"):
        assert (fitted / name).stat().st_size > 0, name
    figures = {path.stem for path in (fitted / "figures").glob("*.png")}
    segmented = {f"segmentation_{name}" for name in CATEGORIES} | {"deep_response"}
    assert figures == {"training_samples"} | (segmented if IOU & MEASURES[system] else set())

    checkpoint = f"--ckpt_path={fitted / 'checkpoints/last.ckpt'}"
    for stage in ("validate", "test", "predict"):
        run([stage, *options, checkpoint])
    tested = Path(f"runs/{system}_demo/version_2")
    assert metrics(tested) == metrics(fitted)  # the end of a fit is a test of its last weights


def _check_names(fitted: Path, may_lack: set[str]) -> None:
    """What runs log is what tables may name: no more, and but for a batch's luck no less."""
    names = logged_names(yaml.safe_load((fitted / "config.yaml").read_text()))
    assert names.are_all
    (header, *_) = (fitted / "metrics.csv").read_text().splitlines()
    logged = {name for name in header.split(",") if "/" in name}
    assert logged <= names.known
    assert names.known - logged <= may_lack
    assert {name for name in names.known if name.startswith("test/")} == set(metrics(fitted))


def test_last_is_the_last_epoch_s_though_validation_has_been_better(tiny: Options) -> None:
    still = "--model.init_args.optimizer.init_args.lr=1e-12"  # the first epoch stays the best
    cli = run(["fit", "--config=trunk_demo", *tiny, "--trainer.max_epochs=3", "--evaluate=false", still])
    saved = {path.stem: torch.load(path, weights_only=True) for path in Path("runs").rglob("*.ckpt")}
    assert {name: checkpoint["epoch"] for name, checkpoint in saved.items()} == {"best": 0, "last": 2}
    torch.testing.assert_close(saved["last"]["state_dict"], dict(cli.model.state_dict()), rtol=0, atol=0)


def test_the_saved_config_is_the_run(tiny: Options) -> None:
    run(["fit", "--config=trunk_demo", *tiny])
    first = Path("runs/trunk_demo/version_0")
    run(["fit", f"--config={first}/config.yaml"])
    assert metrics(Path("runs/trunk_demo/version_1")) == metrics(first)


def test_a_fit_can_go_without_evaluation(tiny: Options, capsys: pytest.CaptureFixture[str]) -> None:
    run(["fit", "--config=trunk_demo", *tiny, "--evaluate=false"])
    assert not Path("runs/trunk_demo/version_0/metrics.json").exists()
    assert "unseen identities" not in capsys.readouterr().out


@pytest.mark.parametrize("evaluate", ["true", "false"])
def test_a_fit_that_trains_nothing_is_not_evaluated(evaluate: str, tiny: Options) -> None:
    class OutOfTime(FaceCLI):
        def instantiate_trainer(self, **kwargs: Any) -> Trainer:
            trainer = super().instantiate_trainer(**kwargs)
            trainer.callbacks.insert(0, Timer(duration={"seconds": 0}))  # type: ignore[attr-defined]  # it has them
            return trainer

    with pytest.raises(UserError, match="got one that trained nothing"):
        run(["fit", "--config=trunk_demo", *tiny, f"--evaluate={evaluate}"], cli=OutOfTime)
    assert not list(Path("runs").rglob("metrics.json"))


def test_a_fast_development_run_is_no_training_of_nothing(tiny: Options) -> None:
    cli = run(["fit", "--config=trunk_demo", *tiny, "--trainer.fast_dev_run=1"])
    assert cli.trainer.global_step == 1


def test_a_training_does_not_go_on_from_weights_alone_that_can_be_tested(tiny: Options) -> None:
    saver = (
        "--trainer.callbacks=[{class_path: pytorch_lightning.callbacks.ModelCheckpoint, init_args: "
        "{dirpath: kept, filename: weights, save_weights_only: true}}]"
    )
    options = ["--config=trunk_demo", *tiny]
    run(["fit", *options, saver, "--evaluate=false"])
    with pytest.raises(UserError, match=r"which holds weights alone: --model.init_args.initial_weights=kept/weights"):
        run(["fit", *options, "--ckpt_path=kept/weights.ckpt"])
    run(["test", *options, "--ckpt_path=kept/weights.ckpt"])

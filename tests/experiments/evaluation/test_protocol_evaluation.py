"""A protocol in training: its measures are those of the evaluation afterwards, at the epochs that were asked for."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from datamodules.errors import DataError
from datamodules.protocols import EvaluationProtocol, VerificationPairs
from experiments.cli import UserError, run
from experiments.evaluate import evaluate
from experiments.evaluation.protocol_evaluation import ProtocolEvaluation
from tests.datamodules.protocols.lfw_occ.small_lfw import write_small_lfw
from tests.experiments.conftest import Options
from tests.helpers.doubles import PlainSource


def callbacks(root: Path, pairs: Path, **settings: int | None) -> str:
    protocol = {"class_path": "datamodules.protocols.lfw_pairs", "init_args": {"root": str(root), "pairs": str(pairs)}}
    own = {
        "class_path": "experiments.evaluation.protocol_evaluation.ProtocolEvaluation",
        "init_args": {"protocol": protocol, **settings},
    }
    last = {"class_path": "pytorch_lightning.callbacks.ModelCheckpoint", "init_args": {"filename": "last"}}
    return f"--trainer.callbacks={json.dumps([last, own])}"


def logged(folder: Path, name: str) -> list[float]:
    with (folder / "metrics.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


def test_measures_are_those_of_the_evaluation_at_chosen_epochs(tiny: Options, tmp_path: Path) -> None:
    root, pairs = write_small_lfw(tmp_path)
    options = [*tiny, "--trainer.max_epochs=4", "--evaluate=false", callbacks(root, pairs, every_n_epochs=2)]
    cli = run(["fit", "--config=model_a_demo", *options])
    folder = Path(str(cli.trainer.log_dir))
    found = {name: logged(folder, f"val/lfw_development/all/{name}") for name in ("eer", "auc", "decidability")}
    assert all(len(values) == 2 for values in found.values())
    checkpoint = folder / "checkpoints/last.ckpt"
    evaluate([f"--checkpoint={checkpoint}", "--protocol=lfw", f"--root={root}", f"--pairs={pairs}", "--no-figures"])
    ((measures,),) = (
        p["lfw_development"].values() for p in json.loads(Path("runs/evaluation/results.json").read_text()).values()
    )
    assert {name: values[-1] for name, values in found.items()} == pytest.approx(
        {name: measures[name] for name in found}, abs=1e-5
    )


def test_the_last_epoch_alone(tiny: Options, tmp_path: Path) -> None:
    options = [
        *tiny,
        "--trainer.max_epochs=3",
        "--evaluate=false",
        callbacks(*write_small_lfw(tmp_path), every_n_epochs=None),
    ]
    cli = run(["fit", "--config=model_a_demo", *options])
    assert len(logged(Path(str(cli.trainer.log_dir)), "val/lfw_development/all/auc")) == 1


def test_a_module_without_embeddings_is_refused(tiny: Options, tmp_path: Path) -> None:
    options = [*tiny, "--evaluate=false", callbacks(*write_small_lfw(tmp_path))]
    with pytest.raises((UserError, DataError), match="a module that embeds faces, got SegmentationModule"):
        run(["fit", "--config=segmentation_demo", *options])


def test_embeddings_that_are_not_finite_name_the_image() -> None:
    class Broken(LightningModule):
        def forward(self, images: Tensor) -> Tensor:
            return images.float().mean((2, 3)).masked_fill(images[:, :1, 0, 0] == 3, torch.nan)

    source = PlainSource([2, 2, 2])
    pairs = VerificationPairs(np.arange(4), np.arange(1, 5), np.arange(4) % 2 == 0, np.zeros(4, np.int64))
    callback = ProtocolEvaluation(EvaluationProtocol("plain", source, {"all": pairs}))
    trainer: Any = SimpleNamespace(current_epoch=0, max_epochs=1)
    callback.on_train_batch_start(trainer, Broken(), {"image": torch.zeros(1, 3, 32, 32)}, 0)  # type: ignore[typeddict-item]  # all it reads
    with pytest.raises(DataError, match=r"^image-3: expected a finite embedding, got NaN or infinity \(1 images\)"):
        callback.on_train_epoch_end(trainer, Broken())


def test_two_protocols_of_one_name_are_refused() -> None:
    pairs = VerificationPairs(np.arange(1), np.ones(1, np.int64), np.ones(1, np.bool_), np.zeros(1, np.int64))
    protocol = EvaluationProtocol("plain", PlainSource([2]), {"all": pairs})
    one, other = ProtocolEvaluation(protocol), ProtocolEvaluation(protocol, batch_size=2)
    trainer: Any = SimpleNamespace(callbacks=[one, other])
    with pytest.raises(DataError, match="Expected protocols of different names, got 'plain' twice"):
        one.setup(trainer, LightningModule(), "fit")


def test_a_missing_image_stops_before_training(tiny: Options, tmp_path: Path) -> None:
    root, pairs = write_small_lfw(tmp_path)
    next(root.rglob("*_0002.png")).unlink()
    with pytest.raises(UserError, match="Ann_0002"):
        run(["fit", "--config=model_a_demo", *tiny, callbacks(root, pairs)])


def test_refuses_settings() -> None:
    with pytest.raises(ValueError, match="`every_n_epochs` and `batch_size` of at least 1, got 0, 256"):
        ProtocolEvaluation(None, every_n_epochs=0)  # type: ignore[arg-type]  # refused before it is looked at


def test_a_protocol_of_segmentation_alone_is_refused() -> None:
    protocol = EvaluationProtocol("masks", PlainSource([2]), segmentation={"all": np.array([0, 1])})
    with pytest.raises(ValueError, match="Expected a protocol that compares faces, got masks, one of segmentation"):
        ProtocolEvaluation(protocol)

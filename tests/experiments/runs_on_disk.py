"""Folders of runs, as training leaves them, without training."""

from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentParser
from pytorch_lightning import LightningModule

NETWORKS = "lightning_modules.networks"
FCN8S = {"class_path": f"{NETWORKS}.FCN8s", "init_args": {"width": 0.125, "fully_connected_dim": 8, "dropout": 0.0}}
VGG16 = {"class_path": f"{NETWORKS}.VGG16Trunk", "init_args": {"width": 0.125}}
FACES = {"trunk": VGG16, "head": {"class_path": f"{NETWORKS}.PooledHead"}}

CLASSIFIER: dict[str, Any] = {
    "class_path": "lightning_modules.ClassifierModule",
    "init_args": {"network": {"class_path": f"{NETWORKS}.FaceNet", "init_args": FACES}},
}
SOIDN: dict[str, Any] = {
    "class_path": "lightning_modules.SOIDNModule",
    "init_args": {"network": {"class_path": f"{NETWORKS}.SOIDN", "init_args": {**FACES, "segmenter": FCN8S}}},
}
OS: dict[str, Any] = {"class_path": "lightning_modules.SegmentationModule", "init_args": {"network": FCN8S}}


def write_run(folder: Path, model: dict[str, Any], *, system: str, names: tuple[str, ...] = ("last",)) -> Path:
    """Write configuration and checkpoints of random weights, each its own; return the folder of checkpoints."""
    (folder / "checkpoints").mkdir(parents=True)
    saved = {"system": system, "data": {"init_args": {"image_size": 32}}, "model": model}
    (folder / "config.yaml").write_text(yaml.safe_dump(saved))
    for number, name in enumerate(names):
        torch.manual_seed(number)
        torch.save({"state_dict": _built(model).state_dict()}, folder / "checkpoints" / f"{name}.ckpt")
    return folder / "checkpoints"


def _built(model: dict[str, Any]) -> LightningModule:
    complete = yaml.safe_load(yaml.safe_dump(model))
    if not model["class_path"].endswith("SegmentationModule"):
        complete["init_args"]["num_classes"] = 3
        complete["init_args"]["network"]["init_args"]["image_size"] = 32
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(LightningModule, "model")
    built: LightningModule = parser.instantiate(parser.parse_object({"model": complete})).model
    return built

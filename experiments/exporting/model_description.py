"""What one needs to know to use a model that is taken away: its ``model.yaml``."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import yaml

from datamodules.whole_file import write_whole
from experiments.evaluation.trained_module import Trained
from experiments.exporting.exported_folder import DESCRIPTION, FORMAT, NUMBER, ONNX, WEIGHTS, sha256
from experiments.exporting.exported_network import ExportedNetwork
from experiments.exporting.kept_figures import KeptFigures
from experiments.runs.run_record import commit
from lightning_modules.extractors.declared_pixels import CHANNEL_ORDER, PIXEL_RANGE, RGB

ABSOLUTE = re.compile(r"(?<![^\s=:'\"\[,])~?/(?:[^'\",\]]*/)?")
"""The folders before the last name of an absolute path within a setting; their names may have blanks."""


class Exported(NamedTuple):
    """What is taken away."""

    trained: Trained
    network: ExportedNetwork
    kept: KeptFigures
    pixel_range: str
    licence: str

    @property
    def declared(self) -> dict[str, str]:
        """What the ONNX file says of itself."""
        return {PIXEL_RANGE: self.pixel_range, CHANNEL_ORDER: RGB, "system": self.trained.system}


def described_model(exported: Exported, folder: Path) -> dict[str, Any]:
    """Write the description of the files in a folder, and return it."""
    trained, kept = exported.trained, exported.kept
    content = {
        FORMAT: NUMBER,
        "system": trained.system,
        "architecture": without_folders(trained.architecture),
        "unit_length": exported.network.unit_length,
        "outputs": exported.network.outputs,
        "image_size": trained.image_size,
        PIXEL_RANGE: exported.pixel_range,
        CHANNEL_ORDER: RGB,
        "normalize": _normalize(exported.network),
        "alignment": trained.alignment,
        "thresholds": {"scores": kept.scores, "far": kept.thresholds()} if kept.thresholds() else None,
        "data": without_folders(trained.source),
        "commit": {"training": kept.record.commit or None, "export": commit()},
        "licence": exported.licence,
        "sha256": {name: sha256(folder / name) for name in (ONNX, f"{ONNX}.data", WEIGHTS) if (folder / name).exists()},
    }
    write_whole(folder / DESCRIPTION, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return content


def without_folders(node: Any) -> Any:
    """Return settings whose absolute paths have lost their folders: they are nobody's business.

    Example:
        >>> without_folders({"root": "/home/Ada L./faces", "num_identities": 3})
        {'root': 'faces', 'num_identities': 3}
    """
    if isinstance(node, Mapping):
        return {str(key): without_folders(value) for key, value in node.items()}
    if isinstance(node, list):
        return [without_folders(value) for value in node]
    if not isinstance(node, str):
        return node
    return PurePath(node).name if node.startswith(("/", "~")) else ABSOLUTE.sub("", node)


def command_without_folders(command: str) -> str:
    """Return a command whose words have lost the folders of absolute paths; see :func:`without_folders`.

    Example:
        >>> command_without_folders("train '--data=/home/Ada L./faces' --table /home/ada/t.csv --model=runs/last.ckpt")
        'train --data=faces --table t.csv --model=runs/last.ckpt'
    """
    options = (word.partition("=") for word in shlex.split(command))
    return shlex.join(f"{without_folders(name)}{equals}{without_folders(value)}" for name, equals, value in options)


def _normalize(network: ExportedNetwork) -> dict[str, Any]:
    own = network.normalize
    settings = {"mean": own.mean.flatten().tolist(), "std": own.std.flatten().tolist(), "grey": own.grey}
    return {"class_path": "lightning_modules.networks.Normalize", "init_args": settings}

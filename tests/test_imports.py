"""What an import loads, each in a fresh process: packages run their ``__init__``, and so may load what no one uses."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LIGHTNING = {"pytorch_lightning", "jsonargparse"}
DATA = {"datamodules", "albumentations", "cv2"}
NETWORKS = {"timm", "segmentation_models_pytorch", "torchvision"}
OTHERS = {"torchmetrics", "matplotlib", "wandb", "sklearn", "safetensors"}


def loaded_by(statement: str) -> set[str]:
    """Return the top-level packages that a statement loads in a process of its own."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)  # noqa: S603  our own
    return set(done.stdout.split())


@pytest.mark.parametrize("package", ["losses", "callbacks.occlusion_sensitivity", "lightning_modules.networks"])
def test_what_is_plain_torch_loads_nothing_but_torch_until_it_is_used(package: str) -> None:
    loaded = loaded_by(f"from {package} import *")
    assert "torch" in loaded
    assert not loaded & (LIGHTNING | DATA | NETWORKS | OTHERS)


def test_losses_and_occlusion_maps_do_without_the_library_of_margins() -> None:
    loaded = loaded_by("from losses import *; from callbacks.occlusion_sensitivity import *")
    assert not loaded & {"pytorch_metric_learning", "scipy"}


def test_protocols_and_measures_load_neither_training_nor_augmentation() -> None:
    loaded = loaded_by("from datamodules.protocols import *; from callbacks.metrics import *")
    assert not loaded & {"pytorch_lightning", "albumentations", "timm", "segmentation_models_pytorch"}


@pytest.mark.parametrize(
    "package",
    [
        "callbacks",
        "datamodules",
        "experiments.cli",
        "experiments.cli.user_errors",
        "lightning_modules",
        "lightning_modules.networks",
        "losses",
    ],
)
def test_a_package_alone_loads_no_library(package: str) -> None:
    assert "torch" not in loaded_by(f"import {package}")


def test_the_parser_knows_classes_by_their_own_names_though_no_one_has_asked_for_them() -> None:
    words = [
        "fit",
        "--config=soidn_demo",
        "--data=FaceDataModule",
        "--trainer.callbacks+=History",
    ]
    assert "pytorch_lightning" in loaded_by(f"from experiments.cli import parse; parse({words})")


def test_a_number_of_batches_is_no_share_in_whatever_order_libraries_are_loaded() -> None:
    words = ["fit", "--config=soidn_demo", "--trainer.limit_val_batches=1"]
    limit = f"parse({words})['trainer']['limit_val_batches']"
    # rich asks `typing` for the same union with the fraction first
    loaded_by(f"import rich.console; from experiments.cli import parse; assert type({limit}) is int")

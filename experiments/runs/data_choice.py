"""At what scale a system is trained, and on what faces, as far as its configuration does not say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.alignment import agreed_template
from datamodules.sources import Shards, describe, open_source
from experiments.cli.user_errors import as_user_errors
from experiments.runs.resolution import Config, settings_of
from experiments.runs.spec import instance
from lightning_modules.networks import IMAGENET_MEAN, IMAGENET_STD, Normalize

DEMO_IMAGES = 3600  # what the demo configurations' epochs are meant for
NORMALIZE = "model.init_args.normalize.init_args"


@dataclass(frozen=True)
class DataChoice:
    """What a run trains on, as far as it is not the configuration's."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 1
    """How many times the configuration's epochs it takes, so that few faces are trained on as long as many."""
    identities: int | None = None
    """How many identities there are to train on at least, where that may be few."""


def choose_scale(wanted: str | None, *, has_data: bool, has_gpu: bool) -> tuple[str, str]:
    """Return the scale and the reason for it.

    Example:
        >>> choose_scale(None, has_data=True, has_gpu=False)
        ('demo', 'no GPU here; SCALE=paper overrides')
    """
    if wanted is not None:
        return wanted, "as asked for"
    if not has_data:
        return "demo", "no DATA given"
    return ("paper", "DATA and a GPU are there") if has_gpu else ("demo", "no GPU here; SCALE=paper overrides")


def choose_data(path: str | None, alignment: str | None, scale: str) -> DataChoice:
    """Put a user's dataset in the place of the configuration's, and say what it is.

    Without ``alignment`` it is what ``align_settings.json`` of the dataset says, or else ``arcface``.
    """
    if path is None:
        print("Faces: generated (DATA=folder takes yours)")
        return DataChoice()
    with as_user_errors():
        source = open_source(path)
        template = agreed_template(path, alignment, default="arcface")
    print(f"Faces: {describe(source)}; landmarks: the {template!r} alignment (ALIGNMENT=… names another)")
    landmarks = instance("datamodules.sources.FixedLandmarks", points=template)
    if isinstance(source, Shards) and source.manifest.landmarks:
        landmarks = instance("datamodules.sources.SourceLandmarks", fallback=landmarks)
    changes = {
        "data.init_args.source": instance(f"datamodules.sources.{type(source).__name__}", root=path),
        "data.init_args.landmarks": landmarks,
    }
    if scale == "paper":
        return DataChoice(changes)
    counts = np.bincount(source.identities)
    least = demo_min_images(counts)
    enough = counts[counts >= least]
    few = {"data.init_args.split.min_images": least, "data.init_args.split.max_unseen_share": 0.2}
    return DataChoice(changes | few, demo_repeat(int(enough.sum())), identities=max(2, int(0.8 * len(enough))))


def demo_min_images(counts: NDArray[np.int64], *, preferred: int = 10, fallback: int = 4, enough: int = 10) -> int:
    """Return how many images an identity needs in a demo: 10, or 4 where fewer than ten identities have 10."""
    rich = np.count_nonzero(counts >= preferred)
    number = preferred if rich >= enough else fallback
    print(f"Training takes identities of at least {number} images ({rich} have {preferred})")
    return number


def demo_repeat(images: int, *, most: int = 25) -> int:
    """Return how many times the demo's epochs few images are trained for, to come to about as many steps.

    Example:
        >>> demo_repeat(4000), demo_repeat(1200), demo_repeat(10)
        (1, 3, 25)
    """
    return max(1, min(most, DEMO_IMAGES // max(images, 1)))


def longer(config: Config, repeat: float) -> dict[str, int]:
    """Return the change that multiplies a configuration's epochs.

    Example:
        >>> longer({"trainer": {"max_epochs": 6}}, 1.5), longer({"trainer": {"max_epochs": 6}}, 1)
        ({'trainer.max_epochs': 9}, {})
    """
    epochs = config.get("trainer", {}).get("max_epochs")
    return {} if repeat == 1 or epochs is None else {"trainer.max_epochs": round(repeat * int(epochs))}


def fewer_identities(config: Config, identities: int | None) -> dict[str, int]:
    """Return the change that makes batches of identities of as many as there are.

    Example:
        >>> batches = {"data": {"init_args": {"identity_batches": {"identities": 16, "images": 8}}}}
        >>> fewer_identities(batches, 9), fewer_identities(batches, 500)
        ({'data.init_args.identity_batches.identities': 9}, {})
    """
    batches = config["data"]["init_args"].get("identity_batches")
    if batches is None or identities is None or batches["identities"] <= identities:
        return {}
    return {"data.init_args.identity_batches.identities": identities}


def fitting_pixels(config: Config, weights: str | None) -> dict[str, Any]:
    """Return the changes that make a configuration which is meant for VGG-Face's weights fit other ones.

    Random weights want inputs of about ±1, ImageNet's their own range; at either the unscaled skips of the
    segmentation network are the right ones, see :class:`lightning_modules.networks.FCN8s`.
    """
    normalize = config["model"]["init_args"].get("normalize") or {}
    if "mean" not in normalize.get("init_args", {}) or weights not in (None, "imagenet"):
        return {}
    pixels = Normalize() if weights is None else Normalize(IMAGENET_MEAN, IMAGENET_STD)
    mean, std = pixels.mean.flatten().tolist(), pixels.std.flatten().tolist()
    print(f"Pixels: mean {mean}, standard deviation {std}, as there are no VGG-Face weights")
    skips = {f"{key}.skip_scales": [1.0, 1.0] for key in settings_of(config, "FCN8s")}
    return {NORMALIZE: {"mean": mean, "std": std}, **skips}

"""Weights fit the pixel range that they were trained on, and no other."""

from collections.abc import Mapping

import torch
from torch import Tensor

from lightning_modules.networks import IMAGENET_MEAN, IMAGENET_STD, VGGFACE_MEAN, VGGFACE_STD, Normalize

IMAGENET_PIXELS = {"normalize.mean": torch.tensor(IMAGENET_MEAN), "normalize.std": torch.tensor(IMAGENET_STD)}
VGGFACE_PIXELS = {"normalize.mean": torch.tensor(VGGFACE_MEAN), "normalize.std": torch.tensor(VGGFACE_STD)}


def check_same_pixels(normalize: Normalize, state: Mapping[str, Tensor], name: str) -> None:
    """Refuse weights that were trained on other pixel ranges: nothing else would ever show the mistake.

    Args:
        normalize: What the network's images go through.
        state: Tensors of the file: a checkpoint has its own ``normalize``; VGG-Face's and torchvision's layer
            names stand for those models' ranges.
        name: What to call the weights in the message.

    Raises:
        ValueError: If mean or standard deviation differ.
    """
    if "conv1_1.weight" in state:
        state = VGGFACE_PIXELS
    elif "features.0.weight" in state:
        state = IMAGENET_PIXELS
    for key, ours in normalize.state_dict().items():
        theirs = state.get(f"normalize.{key}", ours.flatten()).flatten()
        if theirs.shape != ours.flatten().shape or not torch.allclose(theirs.float(), ours.flatten(), atol=1e-3):
            wanted, got = ([round(value, 3) for value in t.flatten().tolist()] for t in (theirs, ours))
            raise ValueError(f"Expected `normalize` with the `{key}` that {name} was trained with, {wanted}, got {got}")

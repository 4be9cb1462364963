"""Weights fit the pixel range and channel order that they were trained on, and no other."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from lightning_modules.extractors.declared_pixels import declared_normalize
from lightning_modules.networks import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    VGGFACE_MEAN,
    VGGFACE_STD,
    Normalize,
    OnnxTrunk,
    read_state_dict,
)
from lightning_modules.networks.declared_model import declared_model
from lightning_modules.networks.iresnet_weights import iresnet_weights

Pixels = dict[str, Tensor]
"""What a checkpoint has of :class:`Normalize`: ``mean``, ``std`` and, where blue comes first, ``order``."""
IMAGENET_PIXELS = {"normalize.mean": torch.tensor(IMAGENET_MEAN), "normalize.std": torch.tensor(IMAGENET_STD)}


def fitting_normalize(declared: Normalize | None, weights: str | Path | None, network: nn.Module) -> Normalize:
    """Return the pixels' owner: what is declared, if it fits the weights, or what their format says; else ±1.

    Args:
        declared: What a configuration says; ``None`` where it says nothing.
        weights: The file that is started from, ``"imagenet"`` or ``None``.
        network: Its weights are its own where it is from ONNX.

    Raises:
        ValueError: If the declared mean, deviation or order of channels is another than the weights were trained with;
            if nobody says what a network from ONNX takes, or the order; or if the file cannot be read.
    """
    trunk = getattr(network, "trunk", None)
    if weights is None and isinstance(trunk, OnnxTrunk):
        declared = declared_normalize(trunk.declared, declared, trunk.path)
        if declared is None:
            raise ValueError(f"Expected `normalize` with {trunk.path}, which does not say its pixels' range, got none")
    if weights is None or weights == "imagenet":
        if weights is not None:
            check_same_pixels(declared or Normalize(), IMAGENET_PIXELS, "ImageNet's VGG16")
        return declared or Normalize()
    state, name = read_state_dict(weights), Path(weights).name
    pixels = pixels_of(state, weights)
    iresnet = iresnet_weights(state)
    if declared is None and not pixels and iresnet is not None:
        raise ValueError(
            f"Expected `normalize` with `bgr` true or false for {name}, whose names ({iresnet.author}) do not say the "
            "order of its channels, got none"
        )
    fitting = declared or _from_pixels(pixels)
    check_same_pixels(fitting, {f"normalize.{key}": tensor for key, tensor in pixels.items()}, name)
    return fitting


def pixels_of(state: Mapping[str, Tensor], path: str | Path | None = None) -> Pixels:
    """Return the pixel range and order that weights were trained with; nothing where nobody says.

    A checkpoint of this suite has its own ``normalize``; the names of VGG-Face, torchvision and the authors of IResNets
    stand for theirs.

    Args:
        state: Name to tensor, as read from a file.
        path: That file: CVLface has the order in a YAML file beside it.

    Raises:
        ValueError: If that YAML file contradicts the names.

    Example:
        >>> {key: tensor.tolist() for key, tensor in pixels_of({"layer1.0.conv1.weight": torch.zeros(1)}).items()}
        {'mean': [127.5, 127.5, 127.5], 'std': [127.5, 127.5, 127.5]}
    """
    if "conv1_1.weight" in state:
        return _pixels(Normalize(VGGFACE_MEAN, VGGFACE_STD))
    if "features.0.weight" in state:
        return _pixels(Normalize(IMAGENET_MEAN, IMAGENET_STD))
    own = {name.removeprefix("normalize."): t for name, t in state.items() if name.startswith("normalize.")}
    if own or (iresnet := iresnet_weights(state)) is None:
        return own
    bgr = iresnet.bgr
    model = None if path is None else declared_model(path)
    if model is not None and None not in (bgr, model.bgr) and bgr != model.bgr:
        raise ValueError(
            f"Expected `color_space` {_order(bgr)} in {model.path}, as {iresnet.author} trains, got {_order(model.bgr)}"
        )
    bgr = model.bgr if bgr is None and model is not None else bgr
    return {} if bgr is None else _pixels(Normalize(bgr=bgr))


def check_same_pixels(normalize: Normalize, state: Mapping[str, Tensor], name: str) -> None:
    """Refuse weights that were trained on other pixel ranges: nothing else would ever show the mistake.

    Args:
        normalize: What the network's images go through.
        state: Tensors of the file, see :func:`pixels_of`.
        name: What to call the weights in the message.

    Raises:
        ValueError: If mean, standard deviation or order of channels differ.
    """
    pixels = pixels_of(state)
    for key in ("mean", "std"):
        ours: Tensor = getattr(normalize, key)
        theirs = pixels.get(key, ours).flatten()
        if theirs.shape != ours.flatten().shape or not torch.allclose(theirs.float(), ours.flatten(), atol=1e-3):
            wanted, got = ([round(value, 3) for value in t.flatten().tolist()] for t in (theirs, ours))
            raise ValueError(f"Expected `normalize` with the `{key}` that {name} was trained with, {wanted}, got {got}")
    bgr = "order" in pixels
    if pixels and bgr != normalize.bgr:
        order, got_order = (f"{_order(blue)} (`bgr: {str(blue).lower()}`)" for blue in (bgr, normalize.bgr))
        raise ValueError(
            f"Expected `normalize` with the order of channels that {name} was trained with, {order}, got {got_order}"
        )


def _pixels(normalize: Normalize) -> Pixels:
    return {key: tensor.flatten() for key, tensor in normalize.state_dict().items()}


def _from_pixels(pixels: Mapping[str, Tensor]) -> Normalize:
    """Return what a file says; of a grey network, which nobody can tell by its weights alone, the default."""
    mean, std = (pixels.get(key, torch.empty(0)).flatten().tolist() for key in ("mean", "std"))
    return Normalize(mean, std, bgr="order" in pixels) if len(mean) == len(std) == 3 else Normalize()


def _order(bgr: bool | None) -> str:
    return "BGR" if bgr else "RGB"

"""Names of weights: from the formats found in the wild to this suite's."""

import re

from torch import Tensor

from lightning_modules.networks.iresnet_weights import iresnet_weights
from lightning_modules.networks.vgg16 import CONVOLUTIONS


def to_network_names(state: dict[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    """Rename weights to ``trunk.…`` and ``head.…``, leaving out classifiers.

    Understood are VGG-Face (``conv1_1.weight`` … ``fc7.bias``, linear layers as matrices or as convolutions),
    torchvision's ``vgg16`` and ``vgg16_bn`` (``features.0.weight``, ``classifier.0.weight``), IResNets of other authors
    (:func:`iresnet_weights`) and this suite's checkpoints (``network.trunk.…``, ``network.head.…``).

    Args:
        state: Name to tensor, as read from a file.

    Returns:
        The format's name in words, and the renamed tensors.

    Raises:
        ValueError: If no format is recognised, or it is a relative of IResNet that is not built here.

    Example:
        >>> import torch
        >>> to_network_names({"conv1_1.weight": torch.zeros(1), "fc8.weight": torch.zeros(1)})
        ('VGG-Face', {'trunk.stages.0.conv1_1.weight': tensor([0.])})
    """
    if any(name.startswith("network.trunk.") for name in state):
        names = {n: n.removeprefix("network.") for n in state if n.startswith(("network.trunk.", "network.head."))}
        return "checkpoint", {new: state[name] for name, new in names.items()}
    if "conv1_1.weight" in state:
        return "VGG-Face", _renamed(state, {})
    if "features.0.weight" in state:
        return "torchvision VGG16", _renamed(state, _torchvision_layers(batch_norm="features.1.weight" in state))
    if iresnet := iresnet_weights(state):
        return f"{iresnet.author} {iresnet.depth}".rstrip(), iresnet.tensors
    expected = (
        "conv1_1.weight (VGG-Face), features.0.weight (torchvision), layer1.0.conv1.weight (arcface_torch), "
        "body.0.res_layer.1.weight (AdaFace, CVLface) or network.trunk.… (a checkpoint)"
    )
    raise ValueError(f"Expected weights named {expected}, got {', '.join(list(state)[:3])}, …")


def segmenter_weights(state: dict[str, Tensor], part: str = "segmenter") -> dict[str, Tensor]:
    """Take a segmenter's weights out of a checkpoint of an OS network or a SOIDN, or another part's out of its own.

    Args:
        state: Name to tensor, as read from a file.
        part: Name of the part that segments: ``decoder`` of a SOIDN with a shared encoder.

    Returns:
        The tensors under ``network.<part>.``; of a segmenter else all under ``network.``, with that prefix taken off.

    Raises:
        ValueError: If there are none, or they are a face network's.

    Example:
        >>> import torch
        >>> segmenter_weights({"network.segmenter.score.bias": torch.zeros(1), "network.head.x": torch.zeros(1)})
        {'score.bias': tensor([0.])}
    """
    inside = part != "segmenter" or any(name.startswith("network.segmenter.") for name in state)
    prefix = f"network.{part}." if inside else "network."
    found = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    if not found or any(name.startswith("trunk.") for name in found):
        raise ValueError(f"Expected a {part}'s weights, got {', '.join(list(state)[:3])}, …")
    return found


def _renamed(state: dict[str, Tensor], layers: dict[str, str]) -> dict[str, Tensor]:
    """Rename by ``layers`` to conv1_1, bn1_1, fc6, then place those layers in the network."""
    renamed = {}
    for name, tensor in state.items():
        layer, _, parameter = name.rpartition(".")
        layer = layers.get(layer, layer)
        if match := re.fullmatch(r"(?:conv|bn)([1-5])_\d", layer):
            renamed[f"trunk.stages.{int(match[1]) - 1}.{layer}.{parameter}"] = tensor
        elif layer in ("fc6", "fc7"):
            # as a convolution (out, in, h, w) it reads its map in the order that a flattened map has
            renamed[f"head.{layer}.{parameter}"] = tensor.flatten(1) if tensor.ndim == 4 else tensor
    return renamed


def _torchvision_layers(batch_norm: bool) -> dict[str, str]:
    """Map ``features.N`` and ``classifier.N`` to VGG's layer names."""
    layers = {"classifier.0": "fc6", "classifier.3": "fc7"}
    index = 0
    for block, depth in enumerate(CONVOLUTIONS, start=1):
        for i in range(1, depth + 1):
            layers[f"features.{index}"] = f"conv{block}_{i}"
            if batch_norm:
                layers[f"features.{index + 1}"] = f"bn{block}_{i}"
            index += 3 if batch_norm else 2  # with its ReLU
        index += 1  # the block's pool
    return layers

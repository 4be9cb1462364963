"""An IResNet's weights under the names that other authors give them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.networks import FaceNet, IResNetHead, IResNetTrunk

Weights = dict[str, Tensor]


def iresnet(width: float, depth: int = 18, *, side: int = 32, embedding_dim: int = 16, **settings: Any) -> FaceNet:
    """Return an untrained network; ``settings`` are the trunk's."""
    return FaceNet(IResNetTrunk(depth, width, **settings), partial(IResNetHead, embedding_dim=embedding_dim), side)


def trained_iresnet(width: float, depth: int = 18, **settings: Any) -> FaceNet:
    """Return a network none of whose tensors are what an untrained one has; the last scale is 1, as everywhere."""
    net = iresnet(width, depth, **settings)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point() and "conv" not in name and name != "head.features.weight":
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    return net


def as_arcface(net: nn.Module) -> Weights:
    """conv1.weight, layer1.0.bn1.weight … fc.bias, features.weight."""
    weights = {}
    for name, tensor in net.state_dict().items():
        part, _, rest = name.partition(".")
        weights[rest.split(".", 2)[2] if part == "trunk" else rest] = tensor
    return weights


STEM = {"conv1": "input_layer.0", "bn1": "input_layer.1", "prelu": "input_layer.2"}
HEAD = {"bn2": "output_layer.0", "fc": "output_layer.3", "features": "output_layer.4"}
UNIT = {"bn1": 0, "conv1": 1, "bn2": 2, "prelu": 3, "conv2": 4, "bn3": 5}


def as_ir_net(net: nn.Module) -> Weights:
    """input_layer.0.weight, body.0.res_layer.0.weight … output_layer.4.running_var, without a last scale and shift."""
    weights: Weights = {}
    bodies: list[str] = []
    for name, tensor in as_arcface(net).items():
        layer, *rest = name.split(".")
        if not layer.startswith("layer"):
            if name not in ("features.weight", "features.bias"):
                weights[".".join([(STEM | HEAD)[layer], *rest])] = tensor
            continue
        body, (part, *parameter) = f"{layer}.{rest[0]}", rest[1:]
        bodies += [body] if body not in bodies else []
        branch = f"res_layer.{UNIT[part]}" if part in UNIT else "shortcut_layer"
        weights[".".join([f"body.{bodies.index(body)}", branch, *parameter])] = tensor
    return weights


def prefixed(weights: Mapping[str, Tensor], prefix: str) -> Weights:
    """Put a prefix before every name."""
    return {f"{prefix}{name}": tensor for name, tensor in weights.items()}

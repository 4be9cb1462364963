"""IResNets in the files of ArcFace's, AdaFace's and CVLface's authors: known by their names, and renamed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from lightning_modules.networks.foreign import foreign
from lightning_modules.networks.iresnet import UNITS, FirstShortcut

_WRAPPERS = r"(?:(?:module|_orig_mod|backbone|net|model)\.)*"
"""What training programs put before all names of a network."""
_ARCFACE, _IR_NET = "layer1.0.conv1.weight", "body.0.res_layer.1.weight"
_IR_UNIT = ("bn1", "conv1", "bn2", "prelu", "conv2", "bn3")
_IR_STEM = ("conv1", "bn1", "prelu")
_IR_HEAD = {"0": "bn2", "3": "fc", "4": "features"}
_LAYER = re.compile(r"body\.(\d+)\.")


@dataclass(frozen=True)
class IResNetWeights:
    """The weights of an IResNet, as this suite names them.

    Args:
        author: Whose file it is, by its names.
        tensors: ``trunk.…`` and ``head.…``.
        bgr: Whether it was trained on images with blue first; ``None`` where names do not say.
    """

    author: str
    tensors: dict[str, Tensor]
    bgr: bool | None

    @property
    def units(self) -> tuple[int, ...]:
        """Number of residual units in each stage."""
        found = [re.match(r"trunk\.stages\.(\d)\.layer\d\.(\d+)\.prelu", name) for name in self.tensors]
        last: dict[int, int] = {}
        for one in filter(None, found):
            last[int(one[1])] = max(last.get(int(one[1]), 0), int(one[2]) + 1)
        return tuple(last[stage] for stage in sorted(last))

    @property
    def depth(self) -> str:
        """Name of the architecture by its depth; empty where it is no IResNet."""
        names = [f"IResNet-{depth}" for depth, units in UNITS.items() if units == self.units]
        return names[0] if names else f"an IResNet of {self.units} units" if self.units else ""

    @property
    def first_shortcut(self) -> FirstShortcut:
        """What its first unit does beside its convolutions."""
        return "projection" if "trunk.stages.1.layer1.0.downsample.0.weight" in self.tensors else "subsampling"


def iresnet_weights(state: Mapping[str, Tensor]) -> IResNetWeights | None:
    """Recognise an IResNet by the names of its weights, whatever stands before all of them.

    Understood are arcface_torch's names (``conv1``, ``layer1.0.bn1`` …) and those of the IR-Nets of AdaFace and CVLface
    (``input_layer.0``, ``body.0.res_layer.0`` …), which have the same units. What does not stand under the network's
    prefix, as a margin head, is left out.

    Args:
        state: Name to tensor, as read from a file.

    Returns:
        ``None`` where the names are others.

    Raises:
        ValueError: If it is an IR-Net of other units, as bottlenecks or with squeeze-and-excitation, or lacks some.

    Example:
        >>> found = iresnet_weights({"module.layer1.0.conv1.weight": torch.zeros(1), "margin.weight": torch.zeros(1)})
        >>> found.author, list(found.tensors), found.bgr
        ('arcface_torch', ['trunk.stages.1.layer1.0.conv1.weight'], False)
    """
    for marker, renamed in ((_ARCFACE, _from_arcface), (_IR_NET, _from_ir_net)):
        before = [name.removesuffix(marker) for name in state if name.endswith(marker)]
        for prefix in before:
            if re.fullmatch(_WRAPPERS, prefix):
                inside = {n.removeprefix(prefix): tensor for n, tensor in state.items() if n.startswith(prefix)}
                author, bgr = _author(prefix, ir_net=marker == _IR_NET)
                return IResNetWeights(author, renamed(inside), bgr)
    return None


def _author(prefix: str, *, ir_net: bool) -> tuple[str, bool | None]:
    if prefix.endswith("net."):
        return "CVLface", None
    if not ir_net:
        return "arcface_torch", False
    return ("AdaFace", True) if prefix == "model." else ("IR-Net", None)


def _from_arcface(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {_placed(name): tensor for name, tensor in state.items()}


def _placed(name: str) -> str:
    """Return arcface_torch's name of a weight with the part of the network that has it."""
    layer = name.partition(".")[0]
    if layer in ("bn2", "fc", "features"):
        return f"head.{name}"
    stage = re.fullmatch(r"layer(\d)", layer)
    return f"trunk.stages.{stage[1] if stage else 0}.{name}"


def _from_ir_net(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    _check_units(state)
    with foreign("an IR-Net with the names that AdaFace and CVLface give it"):
        renamed = _from_units(state, _places(state))
    return renamed | _missing_scale(renamed)


def _from_units(state: Mapping[str, Tensor], places: Sequence[str]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in state.items():
        layer, _, rest = name.partition(".")
        if layer == "body":
            renamed[_placed(f"{places[int(rest.partition('.')[0])]}.{_in_unit(rest.partition('.')[2])}")] = tensor
        elif layer in ("input_layer", "output_layer"):
            number, _, parameter = rest.partition(".")
            part = _IR_STEM[int(number)] if layer == "input_layer" else _IR_HEAD.get(number, number)
            renamed[_placed(f"{part}.{parameter}")] = tensor
        else:
            renamed[_placed(name)] = tensor
    return renamed


def _check_units(state: Mapping[str, Tensor]) -> None:
    inside = {name.split(".")[3] for name in state if re.match(r"body\.\d+\.res_layer\.", name)}
    other = sorted(inside ^ set(map(str, range(len(_IR_UNIT)))))
    if other:
        kind = "squeeze-and-excitation" if "se_block" in inside else "other layers"
        raise ValueError(
            f"Expected an IR-Net whose units are BN-Conv-BN-PReLU-Conv-BN, `res_layer.0` to `res_layer.5`, got units "
            f"with {kind}: `res_layer.{other[0]}`"
        )


def _places(state: Mapping[str, Tensor]) -> list[str]:
    """Return arcface_torch's name of each unit: a stage begins where the number of channels changes."""
    number = 1 + max(int(found[1]) for found in map(_LAYER.match, state) if found)
    shapes = [state[f"body.{unit}.res_layer.1.weight"].shape for unit in range(number)]
    stages = list(accumulate((int(shape[0] != shape[1]) for shape in shapes), initial=1))[1:]
    return [f"layer{stage}.{unit - stages.index(stage)}" for unit, stage in enumerate(stages)]


def _in_unit(name: str) -> str:
    branch, number, *rest = name.split(".")
    part = _IR_UNIT[int(number)] if branch == "res_layer" else f"downsample.{number}"
    return ".".join([part, *rest])


def _missing_scale(renamed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return scale and shift of a last batch normalisation that has none: 1 and 0."""
    mean = renamed.get("head.features.running_mean")
    if mean is None or "head.features.weight" in renamed:
        return {}
    return {"head.features.weight": torch.ones_like(mean), "head.features.bias": torch.zeros_like(mean)}

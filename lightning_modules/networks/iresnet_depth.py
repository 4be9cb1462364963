"""Whether a file's IResNet is the network's: named by its depth, whatever the file is called."""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from lightning_modules.networks.declared_model import declared_model
from lightning_modules.networks.iresnet import IResNetTrunk
from lightning_modules.networks.iresnet_weights import IResNetWeights

_CALLED = re.compile(r"(?<![a-z])(?:i?r|ir_?|i?resnet[-_]?)(18|34|50|10[01]|200)(?!\d)", re.IGNORECASE)


def check_iresnet(trunk: nn.Module, tensors: Mapping[str, Tensor], path: str | Path) -> str:
    """Refuse an IResNet of another depth or shortcut than a trunk's.

    Args:
        trunk: Any; one that is no :class:`IResNetTrunk` is not looked at.
        tensors: The file's, as ``trunk.…``.
        path: The file.

    Returns:
        What the file's name says where that is another depth, in words; else nothing.

    Raises:
        ValueError: If depth or first shortcut differ: one line names the file's.
    """
    weights = IResNetWeights("", dict(tensors), None)
    if not weights.depth:
        return ""
    called = called_depth(path)
    misnamed = f", whose name says {called}" if called and weights.depth != f"IResNet-{called}" else ""
    if not isinstance(trunk, IResNetTrunk):
        return misnamed
    if weights.depth != f"IResNet-{trunk.depth}":
        raise ValueError(
            f"Expected weights of IResNet-{trunk.depth}, as `depth` says, got {weights.depth} in {path}{misnamed}"
        )
    if weights.first_shortcut != trunk.first_shortcut:
        raise ValueError(
            f"Expected weights with `first_shortcut` {trunk.first_shortcut!r}, as the trunk has it, got "
            f"{weights.first_shortcut!r} in {path}"
        )
    return misnamed


def called_depth(path: str | Path) -> int | None:
    """Return the depth that is in the name of a file, of the YAML's model beside it, or of the folders around it.

    The IR-101 of AdaFace and CVLface is what others call 100.

    Example:
        >>> called_depth("adaface_ir101_webface12m.ckpt"), called_depth("ms1mv3_arcface_r50_fp16/backbone.pth")
        (100, 50)
        >>> called_depth("last.ckpt")
    """
    path = Path(path)
    declared = declared_model(path)
    names = [path.name, declared.name if declared else "", *(parent.name for parent in list(path.parents)[:2])]
    for name in names:
        if found := _CALLED.search(name):
            return 100 if found[1] == "101" else int(found[1])
    return None

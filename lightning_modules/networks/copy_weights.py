"""Copying weights between modules that share parts of their structure."""

import torch
from torch import nn


def copy_matching_weights(source: nn.Module, target: nn.Module) -> int:
    """Copy every tensor of ``source`` that has the same name and shape in ``target``; nothing is shared.

    Args:
        source: Module to read, for example a trunk.
        target: Module to write, for example a segmenter's encoder.

    Returns:
        How many tensors were copied.

    Raises:
        ValueError: If not one tensor has a counterpart.

    Example:
        >>> a, b = nn.Linear(2, 3), nn.Linear(2, 3)
        >>> copy_matching_weights(a, b)
        2
        >>> torch.equal(a.weight, b.weight), a.weight is b.weight
        (True, False)
    """
    written = target.state_dict()
    shared = {name: t for name, t in source.state_dict().items() if name in written and written[name].shape == t.shape}
    if not shared:
        names = f"{type(source).__name__} and {type(target).__name__}"
        raise ValueError(f"Expected tensors of equal name and shape in {names}, got none")
    with torch.no_grad():
        for name, tensor in shared.items():
            written[name].copy_(tensor)  # state_dict's tensors are the module's own memory
    return len(shared)

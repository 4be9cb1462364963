"""Weights fit a module exactly, or the first mismatch is named."""

from collections.abc import Mapping

from torch import Tensor, nn

from lightning_modules.networks.unused import cut_weights


def fitting_weights(part: str, module: nn.Module, state: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """Return the weights of a part of a network, all of which have its names and shapes and are finite.

    What :func:`cut_unused` has taken out of the module may be there, and ``num_batches_tracked`` may be missing.

    Args:
        part: What its weights begin with in ``state``, such as ``"trunk"``.
        module: The part.
        state: Name to tensor.
        where: What the weights were read from, in words.

    Raises:
        ValueError: If they do not fit: the first mismatch is named with both shapes.

    Example:
        >>> import torch
        >>> fitting_weights("head", nn.Linear(2, 1, bias=False), {"head.weight": torch.zeros(2, 2)}, "a.pth")
        Traceback (most recent call last):
        ValueError: Expected `head.weight` of the network: (1, 2), got in a.pth: (2, 2)
    """
    given = {name.removeprefix(f"{part}."): t for name, t in state.items() if name.startswith(f"{part}.")}
    for name in cut_weights(module):  # older files have them
        given.pop(name, None)
    wanted = module.state_dict()
    for name in [*wanted, *given]:
        if name.endswith("num_batches_tracked"):  # older files lack it, and evaluation does not use it
            continue
        shapes = [str(tuple(d[name].shape)) if name in d else "no such weight" for d in (wanted, given)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"Expected `{part}.{name}` of the network: {shapes[0]}, got in {where}: {shapes[1]}")
        if not given[name].isfinite().all():
            raise ValueError(f"Expected finite weights, got NaN or infinity in `{part}.{name}` of {where}")
    return given

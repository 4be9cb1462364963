"""A short name for a set of weights."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """Return sixteen hexadecimal digits that stand for the weights of a recognition model.

    Args:
        state: Name to tensor, of a module or of its checkpoint; what is not ``network.…`` or ``classifier.…`` does not
            count. Where processes share out some of it, all of them must call this.

    Example:
        >>> weights = {"network.bias": torch.zeros(2), "normalize.mean": torch.zeros(3)}
        >>> fingerprint(weights), fingerprint(weights) == fingerprint({"network.bias": torch.zeros(2)})
        ('5735ff211a671f99', True)
    """
    hashed = hashlib.sha256()
    for name in sorted(name for name in state if name.startswith(("network.", "classifier."))):
        tensor = getattr(state[name], "full_tensor", lambda name=name: state[name])()  # of what processes share out
        tensor = tensor.detach().cpu().contiguous()
        hashed.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        hashed.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return hashed.hexdigest()[:16]

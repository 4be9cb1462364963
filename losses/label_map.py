"""What the pixels of a label map stand for; the values that segmentation sets share."""

from typing import Final

from torch import Tensor

FACE: Final = 0
"""Nothing covers the pixel."""
OCCLUDER: Final = 1
"""An occluder covers it."""
IGNORE: Final = 255
"""Nobody says what it is, or it is no part of the face, as hair and background: no loss and no measure counts it."""


def counted(mask: Tensor) -> Tensor:
    """Return which pixels of a label map count, bool of its shape.

    Example:
        >>> import torch
        >>> counted(torch.tensor([0, 1, 255], dtype=torch.uint8))
        tensor([ True,  True, False])
    """
    return mask.long() != IGNORE  # 8 signed bits hold no 255, and comparing would be an error


def occluded(mask: Tensor) -> Tensor:
    """Return which pixels an occluder covers: those that are neither 0 nor ignored.

    Example:
        >>> import torch
        >>> occluded(torch.tensor([0, 1, 255], dtype=torch.uint8))
        tensor([False,  True, False])
    """
    return (mask != FACE) & counted(mask)

"""What an ONNX file takes: name, type and layout of its images, and what it fixes of their shape."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

DTYPES = {"tensor(float)": torch.float32, "tensor(float16)": torch.float16, "tensor(double)": torch.float64}
"""Types of input that images are turned into, by ONNX's names."""
CHANNELS = (1, 3)


class OnnxInput(NamedTuple):
    """The images that a file takes; a dimension that it leaves open is ``None``."""

    name: str
    dtype: torch.dtype
    channels_last: bool
    """Whether they are ``(B, H, W, C)``."""
    images: int | None
    channels: int | None
    side: int | None


def onnx_input(inputs: Sequence[Any], path: str, channels_last: bool | None) -> OnnxInput:
    """Return what a file takes.

    Args:
        inputs: Of onnxruntime's session: ``name``, ``shape`` and ``type``.
        path: The file, for messages.
        channels_last: Whether its images are ``(B, H, W, C)``; ``None`` is what its shape says, channels first where
            that is open.

    Raises:
        ValueError: If there are several inputs, or the one takes no square images, or none of that layout.
    """
    shape = list(inputs[0].shape) if inputs else []
    if len(inputs) != 1 or len(shape) != 4 or inputs[0].type not in DTYPES:
        got = ", ".join(f"{one.name} {tuple(one.shape)} {one.type}" for one in inputs)
        raise ValueError(f"Expected an ONNX file with one input of images, float, got {path}: {got}")
    images, *sizes = (size if isinstance(size, int) and size > 0 else None for size in shape)
    last = _is_last(sizes) if channels_last is None else channels_last
    channels, sides = (sizes[2], sizes[:2]) if last else (sizes[0], sizes[1:])
    if channels not in (*CHANNELS, None):
        layout = "(B, H, W, C)" if last else "(B, C, H, W)"
        raise ValueError(f"Expected images {layout} of 1 or 3 channels, got {path}: {inputs[0].name} {tuple(shape)}")
    fixed = [side for side in sides if side is not None]
    if len(set(fixed)) > 1:
        raise ValueError(f"Expected an ONNX file of square images, got {path}: {fixed[0]} × {fixed[1]}")
    return OnnxInput(inputs[0].name, DTYPES[inputs[0].type], last, images, channels, fixed[0] if fixed else None)


def _is_last(sizes: Sequence[int | None]) -> bool:
    return sizes[2] in CHANNELS and sizes[0] not in CHANNELS

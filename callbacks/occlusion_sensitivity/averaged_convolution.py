"""A convolution followed by global average pooling, without the convolution's output."""

import torch
from torch import Tensor
from torch.nn.functional import linear


def averaged_convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    keepdim: bool = True,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Average a convolution's output over all places.

    The average of sums is the sum of averages: for each entry of the kernel, the average of the inputs that it meets.
    Equals ``conv2d(x, …).mean((2, 3), keepdim, dtype=dtype)`` up to rounding, at a small part of its work. Sums are at
    least float32: those of a large map would overflow in half precision.

    Args:
        x: ``(B, C, H, W)``.
        weight: ``(D, C, h, w)``.
        bias: ``(D,)`` or ``None``.
        stride: Along rows and columns.
        padding: With zeros, along rows and columns.
        dilation: Of the kernel, along rows and columns.
        keepdim: Keep the dimensions averaged over.
        dtype: Type of the result; ``None`` is that of ``x``.

    Returns:
        ``(B, D, 1, 1)``, or ``(B, D)``.

    Example:
        >>> x, weight = torch.arange(18.0).view(1, 2, 3, 3), torch.ones(1, 2, 3, 3)
        >>> averaged_convolution(x, weight, None, (1, 1), (1, 1), (1, 1)).item()
        92.5555...
        >>> torch.conv2d(x, weight, padding=1).mean().item()
        92.5555...
    """
    rows, height = _met(x.shape[2], weight.shape[2], stride[0], padding[0], dilation[0])
    columns, width = _met(x.shape[3], weight.shape[3], stride[1], padding[1], dilation[1])
    exact = torch.promote_types(x.dtype, torch.float32)
    in_rows = [x[:, :, met].sum(2, dtype=exact) for met in rows]  # h × (B, C, W)
    sums = [row[:, :, met].sum(2) for row in in_rows for met in columns]  # h · w × (B, C)
    averages = torch.stack(sums, 2).flatten(1) / (height * width)  # (B, C · h · w)
    result = linear(averages, weight.flatten(1).to(exact), None if bias is None else bias.to(exact))
    result = result.to(dtype or x.dtype)
    return result[..., None, None] if keepdim else result


def _met(length: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple[list[slice], int]:
    """Return which inputs each entry of a kernel meets along one axis, and the number of outputs."""
    outputs = (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    met = []
    for entry in range(kernel):
        first = entry * dilation - padding
        start = first + max(0, -(first // stride)) * stride  # the entry lies on the padding before
        stop = min(length, first + (outputs - 1) * stride + 1)
        met.append(slice(start, max(start, stop), stride))
    return met, outputs

"""A convolution whose kernel is about as large as its maps, computed as one product of matrices on a GPU."""

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn

HALF = (torch.bfloat16, torch.float16)


class ProductConvolution(nn.Conv2d):
    """A convolution that keeps the size; on a GPU, in half precision, see :func:`windows_product`.

    Weights, their names and their start are those of :class:`torch.nn.Conv2d`. What is exported or compiled is a
    convolution, too.

    Args:
        in_channels: C.
        out_channels: D.
        kernel_size: k, odd.

    Raises:
        ValueError: If ``kernel_size`` is not odd.

    Example:
        >>> ProductConvolution(2, 5, 7)(torch.zeros(1, 2, 7, 6)).shape
        torch.Size([1, 5, 7, 6])
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        if kernel_size % 2 != 1:
            raise ValueError(f"Expected `kernel_size` odd, got {kernel_size}")
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name
        """Return ``(B, D, H, W)`` of ``(B, C, H, W)``."""
        # Chosen by measurement, in bfloat16, not compiled: forward and backward of FCN-8s' fc6, 64 maps of 7 × 7, take
        # an H100 3.8 ms this way, 47 ms as cuDNN's convolution; 256 maps 14 ms and 15. Other cases stay what they were.
        if input.is_cuda and input.dtype in HALF and self.kernel_size != (1, 1) and not torch.compiler.is_compiling():
            return windows_product(input, self.weight, self.bias)
        return super().forward(input)


def windows_product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``conv2d(x, weight, bias, padding="same")`` of an odd kernel as one product, of windows that are copied.

    The windows take k² times the memory of ``x``, until the backward pass is done.

    Args:
        x: ``(B, C, H, W)``.
        weight: ``(D, C, k, k)``.
        bias: ``(D,)``.

    Returns:
        ``(B, D, H, W)``, channels last.

    Example:
        >>> windows_product(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 3), torch.ones(1))
        tensor([[[[5., 5.],
                  [5., 5.]]]])
    """
    side = weight.shape[2] // 2
    places = F.pad(x, (side,) * 4).permute(0, 2, 3, 1)  # (B, H + 2·side, W + 2·side, C)
    windows = places.unfold(1, weight.shape[2], 1).unfold(2, weight.shape[3], 1)  # (B, H, W, C, k, k)
    return F.linear(windows.flatten(3), weight.flatten(1), bias).permute(0, 3, 1, 2)

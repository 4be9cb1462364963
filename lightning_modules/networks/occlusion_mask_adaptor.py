"""Occlusion mask adaptor: from what the segmenter sees to a mask on the trunk's features."""

import torch
from torch import Tensor, nn


class OcclusionMaskAdaptor(nn.Module):
    r"""1×1 convolution and sigmoid: :math:`M(g(x)) \in [0, 1]^{C \times H \times W}`.

    The mask weighs every position and every channel of the features it multiplies. It starts near 1, by a positive
    bias (:math:`\sigma(4) = 0.98`) and small weights, so that the first step equals the network without a mask and
    pretrained weights lose nothing. The paper leaves the initialisation open; this one is our choice.

    Source: SOIDN, section 3 and Eq. 1, module M.

    Args:
        in_channels: C′ of the segmenter's feature map.
        out_channels: C of the features to mask.
        bias: Initial bias; :math:`\sigma` of it is the initial mask.
        weight_std: Standard deviation of the initial weights.

    Example:
        >>> adaptor = OcclusionMaskAdaptor(in_channels=8, out_channels=3)
        >>> mask = adaptor(torch.zeros(1, 8, 2, 2))
        >>> mask.shape, round(mask.min().item(), 2)
        (torch.Size([1, 3, 2, 2]), 0.98)
    """

    def __init__(self, in_channels: int, out_channels: int, bias: float = 4.0, weight_std: float = 0.01) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, out_channels, kernel_size=1)
        nn.init.normal_(self.convolution.weight, std=weight_std)
        nn.init.constant_(self.convolution.bias, bias)  # type: ignore[arg-type]  # Optional in the stubs only

    @classmethod
    def from_scores(cls, out_channels: int, bias: float = 2.0, scale: float = 1.0) -> "OcclusionMaskAdaptor":
        """Build an adaptor of segmentation logits (clean, occluded) that starts as a mask of the clean pixels.

        Weights start at +``scale`` for clean and −``scale`` for occluded: a segmenter without an opinion gives
        σ(2) = 0.88 everywhere, a sure one 1 on clean and 0 on occluded pixels.

        Args:
            out_channels: C of the features to mask.
            bias: Initial bias.
            scale: Initial size of both weights.

        Example:
            >>> adaptor = OcclusionMaskAdaptor.from_scores(out_channels=1)
            >>> adaptor(torch.tensor([-4.0, 4.0]).view(1, 2, 1, 1)).flatten()  # sigmoid(-4 - 4 + 2)
            tensor([0.0025], grad_fn=<ViewBackward0>)
        """
        adaptor = cls(in_channels=2, out_channels=out_channels, bias=bias)
        with torch.no_grad():
            adaptor.convolution.weight[:, 0] = scale
            adaptor.convolution.weight[:, 1] = -scale
        return adaptor

    def forward(self, x: Tensor) -> Tensor:
        """Return the mask ``(B, C, H, W)`` in [0, 1] of the segmenter's map ``(B, C', H, W)``."""
        x = self.convolution(x)
        return x.sigmoid()

"""DropBlock: dropout of whole regions of a feature map."""

from torch import Tensor, nn


class DropBlock(nn.Module):
    """Sets square blocks of a feature map to zero in training, in each channel on its own, and scales up the rest.

    A unit is dropped with a probability of about ``probability``; blocks lie within the map. In evaluation nothing
    happens. The drawing is torchvision's, by the global generator, which a training seeds for every batch.

    Source: Ghiasi et al. (2018), section 3 and Algorithm 1, https://arxiv.org/abs/1810.12890, without its schedule: the
    probability is that of the beginning to the end.

    Args:
        feature_shape: ``(C, H, W)`` of the trunk's output.
        probability: 1 − keep_prob, in [0, 1); the paper's is 0.1.
        block_size: Side of a block in positions of the map, odd, at most the map's H and W; the paper's is 7.

    Raises:
        ValueError: If ``probability`` or ``block_size`` is out of range.

    Example:
        >>> import torch
        >>> drop = DropBlock((1, 3, 3), probability=0.5, block_size=3)
        >>> _ = torch.manual_seed(0)
        >>> drop(torch.ones(4, 1, 3, 3))[:, 0, 0, 0], drop.eval()(torch.ones(1, 1, 3, 3)).mean()
        (tensor([1.3333, 1.3333, 0.0000, 1.3333]), tensor(1.))
    """

    def __init__(self, feature_shape: tuple[int, int, int], probability: float = 0.1, block_size: int = 7) -> None:
        super().__init__()
        _, height, width = feature_shape
        if not 0.0 <= probability < 1.0:
            raise ValueError(f"Expected `probability` in [0, 1), got {probability}")
        if block_size % 2 == 0 or not 1 <= block_size <= min(height, width):
            raise ValueError(
                f"Expected `block_size` odd and from 1 to the feature map's {min(height, width)}, got {block_size}"
            )
        self.probability = probability
        self.block_size = block_size

    def forward(self, features: Tensor) -> Tensor:
        """Return feature maps ``(B, C, H, W)`` with what is left of them."""
        from torchvision.ops import drop_block2d  # noqa: PLC0415  heavy: pay only when used

        dropped: Tensor = drop_block2d(features, self.probability, self.block_size, training=self.training)
        return dropped

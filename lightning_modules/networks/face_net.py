"""Face network: a trunk and a head, without an occlusion branch (the Trunk and Baseline systems)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lightning_modules.networks.dry_run import head_embedding_dim, trunk_shape


class FaceNet(nn.Module):
    """v = h(f(x)): the paper's recognition network alone, the baseline of every comparison.

    The head is built from the trunk's output shape, found by a dry run.

    Args:
        trunk: f, maps ``(B, in_channels, H, W)`` to ``(B, C, H', W')``.
        head: Builds h from ``(C, H', W')``; h maps ``(B, C, H', W')`` to ``(B, D)``.
        image_size: H and W in pixels.
        in_channels: 3 for RGB, 1 for grey.
        feature_dropout: Builds from ``(C, H', W')`` what drops features between trunk and head in training, such as
            :class:`DropBlock`; it has no weights.

    Attributes:
        image_size: H and W in pixels.
        embedding_dim: D.
        feature_shape: ``(C, H', W')``.

    Raises:
        ValueError: If the trunk's output is not ``(B, C, H', W')``, as of images too small for it, or the head's not
            ``(B, D)``.

    Example:
        >>> from functools import partial
        >>> from lightning_modules.networks import VGG16Head, VGG16Trunk
        >>> net = FaceNet(VGG16Trunk(width=0.125), partial(VGG16Head, embedding_dim=32), image_size=32)
        >>> net(torch.zeros(2, 3, 32, 32)).shape, net.embedding_dim, net.feature_shape
        (torch.Size([2, 32]), 32, (64, 2, 2))
    """

    def __init__(
        self,
        trunk: nn.Module,
        head: Callable[[tuple[int, int, int]], nn.Module],
        image_size: int,
        in_channels: int = 3,
        feature_dropout: Callable[[tuple[int, int, int]], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.trunk = trunk
        self.feature_shape = trunk_shape(trunk, torch.zeros(1, in_channels, image_size, image_size))
        self.feature_dropout = None if feature_dropout is None else feature_dropout(self.feature_shape)
        self.head = head(self.feature_shape)
        self.embedding_dim = head_embedding_dim(self.head, self.feature_shape)

    def forward(self, x: Tensor) -> Tensor:
        """Return the embeddings ``(B, D)`` of normalised images ``(B, C, H, W)``."""
        embedding: Tensor = self.head(self.features(x))  # (B, D)
        return embedding

    def features(self, x: Tensor) -> Tensor:
        """Return the feature maps ``(B, C, H', W')`` of normalised images, as the head sees them."""
        features: Tensor = self.trunk(x)
        return features if self.feature_dropout is None else self.feature_dropout(features)

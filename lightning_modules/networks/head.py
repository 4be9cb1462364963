"""Heads: from a trunk's feature map to the face representation."""

from math import prod
from typing import Literal

from torch import Tensor, nn

from lightning_modules.networks.dropout import dropout_layer
from lightning_modules.networks.vgg16 import he_initialise


class VGG16Head(nn.Module):
    """pool5, fc6, ReLU, dropout, fc7, ReLU, dropout: the paper's h.

    The last dropout stands before the classifier in training and is idle in evaluation, where the representation is
    therefore v = ReLU(fc7), without negative entries.

    Source: Simonyan and Zisserman (2015), configuration D, https://arxiv.org/abs/1409.1556.

    Args:
        feature_shape: ``(C, H, W)`` of the trunk's output, H and W at least 2.
        embedding_dim: D, the width of fc7.
        hidden_dim: The width of fc6; None is ``embedding_dim``.
        dropout: Probability of both dropouts.
        batch_norm: Batch normalisation before both ReLUs; training then needs batches above 1.

    Raises:
        ValueError: If the feature map is too small for pool5, a width is below 1, or ``dropout`` not in [0, 1).

    Example:
        >>> import torch
        >>> VGG16Head((8, 4, 4), embedding_dim=16)(torch.zeros(2, 8, 4, 4)).shape
        torch.Size([2, 16])
    """

    def __init__(
        self,
        feature_shape: tuple[int, int, int],
        embedding_dim: int = 4096,
        hidden_dim: int | None = None,
        dropout: float = 0.5,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        channels, height, width = feature_shape
        if min(height, width) < 2:
            raise ValueError(f"Expected a feature map of at least 2 × 2 for pool5, got (C, H, W) = {feature_shape}")
        hidden_dim = embedding_dim if hidden_dim is None else hidden_dim
        _check_dims(embedding_dim=embedding_dim, hidden_dim=hidden_dim)
        self.embedding_dim = embedding_dim
        self.pool5 = nn.MaxPool2d(2)
        self.fc6 = nn.Linear(channels * (height // 2) * (width // 2), hidden_dim)
        self.bn6 = nn.BatchNorm1d(hidden_dim) if batch_norm else nn.Identity()
        self.fc7 = nn.Linear(hidden_dim, embedding_dim)
        self.bn7 = nn.BatchNorm1d(embedding_dim) if batch_norm else nn.Identity()
        self.relu = nn.ReLU()
        self.dropout = dropout_layer(dropout)
        self.apply(he_initialise)

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings ``(B, D)`` of feature maps ``(B, C, H, W)``."""
        x = self.pool5(features).flatten(1)  # (B, C·H/2·W/2)
        x = self.dropout(self.relu(self.bn6(self.fc6(x))))
        embedding: Tensor = self.dropout(self.relu(self.bn7(self.fc7(x))))  # (B, D)
        return embedding


class PooledHead(nn.Module):
    """One linear layer and batch normalisation: a light head for small images and modern trunks.

    There is no ReLU: entries have both signs, which cosine similarity uses fully. Flattening keeps where a feature
    was seen, which aligned faces reward; averaging suits trunks trained with global average pooling.

    Source: form of the embedding layer in Deng et al. (2019), section 3.1 ("E"), https://arxiv.org/abs/1801.07698.

    Args:
        feature_shape: ``(C, H, W)`` of the trunk's output.
        embedding_dim: D.
        dropout: Probability of dropout before the linear layer.
        pool: ``"flatten"`` keeps all positions, ``"average"`` takes their mean.

    Raises:
        ValueError: If ``pool`` is neither, ``embedding_dim`` below 1, or ``dropout`` not in [0, 1).

    Example:
        >>> import torch
        >>> PooledHead((8, 4, 4), embedding_dim=16)(torch.zeros(2, 8, 4, 4)).shape
        torch.Size([2, 16])
    """

    def __init__(
        self,
        feature_shape: tuple[int, int, int],
        embedding_dim: int = 256,
        dropout: float = 0.0,
        pool: Literal["flatten", "average"] = "flatten",
    ) -> None:
        super().__init__()
        if pool not in ("flatten", "average"):
            raise ValueError(f'Expected `pool` "flatten" or "average", got {pool!r}')
        _check_dims(embedding_dim=embedding_dim)
        self.embedding_dim = embedding_dim
        self.pool: nn.Module = nn.Identity() if pool == "flatten" else nn.AdaptiveAvgPool2d(1)
        self.dropout = dropout_layer(dropout)
        in_features = prod(feature_shape) if pool == "flatten" else feature_shape[0]
        self.linear = nn.Linear(in_features, embedding_dim, bias=False)  # batch norm has the bias
        self.norm = nn.BatchNorm1d(embedding_dim)

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings ``(B, D)`` of feature maps ``(B, C, H, W)``; training needs B above 1."""
        x = self.dropout(self.pool(features).flatten(1))  # (B, C·H·W) or (B, C)
        embedding: Tensor = self.norm(self.linear(x))  # (B, D)
        return embedding


class AveragePoolHead(nn.Module):
    """The mean over positions, without parameters: features of maps of any height and width.

    Args:
        feature_shape: ``(C, H, W)`` of the trunk's output; only C counts.

    Example:
        >>> import torch
        >>> AveragePoolHead((8, 4, 4))(torch.ones(2, 8, 3, 5)).shape
        torch.Size([2, 8])
    """

    def __init__(self, feature_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.embedding_dim = feature_shape[0]

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings ``(B, C)`` of feature maps ``(B, C, H, W)``."""
        return features.mean((2, 3))  # (B, C)


def _check_dims(**dims: int) -> None:
    for name, dim in dims.items():
        if dim < 1:
            raise ValueError(f"Expected `{name}` of at least 1, got {dim}")

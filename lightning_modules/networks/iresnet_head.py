"""IResNet's head: from the last feature map to ArcFace's embedding."""

from math import prod

from torch import Tensor, nn

from lightning_modules.networks.dropout import dropout_layer


class IResNetHead(nn.Module):
    """BN, dropout, one linear layer over all positions, BN: the embedding layer of ArcFace's authors.

    Layers carry arcface_torch's names (``bn2``, ``fc``, ``features``). The scale of the last batch normalisation stays
    1, as theirs does: only directions count.

    Source: Deng et al. (2019), section 3.1, "BN-Dropout-FC-BN", https://arxiv.org/abs/1801.07698.

    Args:
        feature_shape: ``(C, H, W)`` of the trunk's output.
        embedding_dim: D.
        dropout: Probability of dropout before the linear layer; the paper's is 0.4, arcface_torch's 0.

    Raises:
        ValueError: If ``embedding_dim`` is below 1, or ``dropout`` not in [0, 1).

    Example:
        >>> import torch
        >>> IResNetHead((8, 7, 7), embedding_dim=16)(torch.zeros(2, 8, 7, 7)).shape
        torch.Size([2, 16])
    """

    def __init__(self, feature_shape: tuple[int, int, int], embedding_dim: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        if embedding_dim < 1:
            raise ValueError(f"Expected `embedding_dim` of at least 1, got {embedding_dim}")
        self.embedding_dim = embedding_dim
        self.bn2 = nn.BatchNorm2d(feature_shape[0])
        self.dropout = dropout_layer(dropout)
        self.fc = nn.Linear(prod(feature_shape), embedding_dim)
        self.features = nn.BatchNorm1d(embedding_dim)
        self.features.weight.requires_grad_(False)

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings ``(B, D)`` of feature maps ``(B, C, H, W)``; training needs B above 1."""
        x = self.dropout(self.bn2(features).flatten(1))  # (B, C·H·W)
        embedding: Tensor = self.features(self.fc(x))  # (B, D)
        return embedding

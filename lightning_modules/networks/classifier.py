"""The classifier of training identities: softmax over a linear layer, or a margin head."""

from collections.abc import Callable

from torch import Tensor, nn

from lightning_modules.networks.dropout import dropout_layer
from lightning_modules.networks.margin_head import MarginHead

MarginHeadCallable = Callable[[int, int], MarginHead]
"""Makes a margin head from the embedding dimension D and the number of identities n."""


class Classifier(nn.Sequential):
    """Dropout and a layer of class scores: maps ``(B, D)`` embeddings to ``(B, n)``.

    Args:
        embedding_dim: D.
        num_classes: n, number of identities.
        dropout: Probability of dropout before the layer.
        margin_head: Makes the layer, which has a loss of its own; ``None`` is linear, for softmax.

    Raises:
        ValueError: If ``dropout`` is not in [0, 1), or there is no identity.

    Example:
        >>> import torch
        >>> Classifier(8, 3)(torch.zeros(2, 8)).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        embedding_dim: int,
        num_classes: int,
        *,
        dropout: float = 0.0,
        margin_head: MarginHeadCallable | None = None,
    ) -> None:
        if num_classes < 1:
            raise ValueError(f"Expected data of identities to classify, got {num_classes} identities")
        make_layer = margin_head or nn.Linear
        super().__init__(dropout_layer(dropout), make_layer(embedding_dim, num_classes))

    def scores_and_loss(self, embeddings: Tensor, identities: Tensor, loss: nn.Module) -> tuple[Tensor, Tensor]:
        """Return scores and training loss of the same draw of dropout.

        Args:
            embeddings: ``(B, D)``.
            identities: ``(B,)``.
            loss: Of scores ``(B, n)`` and identities; a margin head's own stands in its place.
        """
        dropout, layer = self
        dropped = dropout(embeddings)
        scores = layer(dropped)  # (B, n)
        return scores, layer.loss(dropped, identities) if isinstance(layer, MarginHead) else loss(scores, identities)


def check_single_loss(margin_head: MarginHeadCallable | None, loss: nn.Module | None) -> None:
    """Refuse a loss of scores beside a margin head, which computes its own from the embeddings."""
    if margin_head is not None and loss is not None:
        raise ValueError(f"Expected either a `margin_head`, with the loss that is its own, or a loss, got both: {loss}")

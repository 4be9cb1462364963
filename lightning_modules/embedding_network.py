"""A network that embeds and does nothing else, of one that has several outputs."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


class EmbeddingNetwork(nn.Module):
    """The part of a network that makes embeddings, from normalised images; weights and mode are shared with it.

    Args:
        network: Maps ``(B, C, H, W)`` images to embeddings ``(B, D)``, or to several outputs with such.
        output: Name or number of the embedding among several outputs.
        flip: Whether the embeddings of an image and of its mirror image are added.

    Example:
        >>> import torch
        >>> EmbeddingNetwork(nn.Flatten(), flip=True)(torch.tensor([[[[1.0, 2.0]]]]))
        tensor([[3., 3.]])
    """

    def __init__(self, network: nn.Module, output: str | int = "embedding", *, flip: bool = False) -> None:
        super().__init__()
        self.network = network
        self.output = output
        self.flip = flip

    def forward(self, x: Tensor) -> Tensor:
        """Return the embeddings ``(B, D)`` of normalised images ``(B, C, H, W)``.

        Raises:
            ValueError: If the network makes none.
        """
        embeddings = self._embedded(x)
        return embeddings + self._embedded(x.flip(3)) if self.flip else embeddings

    def _embedded(self, x: Tensor) -> Tensor:
        found: Any = self.network(x)
        if isinstance(found, Tensor):
            return found
        if isinstance(self.output, str) and hasattr(found, self.output):
            return getattr(found, self.output)  # type: ignore[no-any-return]  # whatever a network returns
        if isinstance(found, Mapping) or isinstance(self.output, int):
            return found[self.output]  # type: ignore[no-any-return]
        got = f"{type(found).__name__} of {type(self.network).__name__}"
        raise ValueError(f"Expected a network that embeds images, got {got}")

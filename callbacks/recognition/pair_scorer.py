"""What scores pairs of images by more than their embeddings."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Indices = NDArray[np.int64]
RERANKED = 20
"""Images that are made for a probe at most, and candidates that are compared once more."""


class PairScorer(Protocol):
    """Scores pairs of what a protocol compares; the higher, the more alike."""

    @property
    def views(self) -> int:
        """How often each image is embedded."""
        ...

    def __call__(self, first: Indices, second: Indices) -> Tensor:
        """Return the scores of pairs of images, by their indices ``(N,)`` each: ``(N,)`` float32."""
        ...

    def images(self, first: Indices, second: Indices) -> Tensor:
        """Return how many images are made of each pair to be embedded, ``(N,)`` int64."""
        ...

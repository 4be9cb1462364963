"""The base of the metrics of embeddings."""

from typing import Any, NamedTuple

from torch import Tensor

from callbacks.metrics.metric_checks import check_faces
from callbacks.metrics.row_metric import RowMetric


class Enrolment(NamedTuple):
    """The gallery and the probes of an identification."""

    gallery: Tensor
    """``(G, D)``."""
    gallery_identities: Tensor
    """``(G,)``."""
    probes: Tensor
    """``(P, D)``."""
    probe_identities: Tensor
    """``(P,)``."""


class Embeddings(RowMetric):
    """The embeddings of all processes, each face once: what verification scores its pairs from.

    Example:
        >>> import torch
        >>> metric = Embeddings()
        >>> metric.update(torch.eye(2), torch.tensor([5, 6]), torch.tensor([1, 0]))
        >>> metric.update(torch.eye(2)[:1], torch.tensor([5]), torch.tensor([1]))  # a padding sampler's repetition
        >>> metric.compute()
        (tensor([[0., 1.],
                [1., 0.]]), tensor([6, 5]), tensor([0, 1]))
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("embedding", "identity", **kwargs)

    def update(self, embedding: Tensor, identity: Tensor, index: Tensor) -> None:
        """Add embeddings ``(B, D)`` with identity and index, ``(B,)`` each; a repeated index counts once."""
        check_faces("embedding", embedding, identity)
        self.add_rows(embedding, identity, index=index)

    def compute(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return embeddings ``(N, D)``, identities and indices ``(N,)`` in the order of their index."""
        embedding, identity, index = self.rows()
        return embedding, identity, index


class IdentificationMetric(RowMetric):
    """Collects the embeddings of a gallery and of probes.

    Args:
        kwargs: Of :class:`torchmetrics.Metric`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("embedding", "identity", "enrolled", **kwargs)

    def update(self, embedding: Tensor, identity: Tensor, index: Tensor, enrolled: Tensor) -> None:
        """Add faces.

        Args:
            embedding: ``(B, D)``.
            identity: ``(B,)`` integers.
            index: Index of each face, ``(B,)``: a repeated one counts once in the gallery and once among the probes.
            enrolled: Whether the face belongs to the gallery, ``(B,)`` bool; the others are probes.
        """
        check_faces("embedding", embedding, identity)
        # a clean face may be enrolled and, occluded, be a probe
        self.add_rows(embedding, identity, enrolled.bool(), index=2 * index + enrolled.bool())

    @staticmethod
    def index_of(index: int) -> int:
        """Return the index that was given to ``update`` for one that is kept."""
        return index // 2

    def faces(self) -> Enrolment:
        """Return gallery and probes of all processes, each in the order of their index."""
        embedding, identity, enrolled, _ = self.rows()
        return Enrolment(embedding[enrolled], identity[enrolled], embedding[~enrolled], identity[~enrolled])

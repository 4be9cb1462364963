"""The base of the metrics of scored pairs."""

from typing import Any

from torch import Tensor

from callbacks.metrics.metric_checks import check_pairs
from callbacks.metrics.row_metric import RowMetric


class PairMetric(RowMetric):
    """Collects the similarity of pairs and whether they show one person.

    Args:
        kwargs: Of :class:`torchmetrics.Metric`.
    """

    def __init__(self, *columns: str, **kwargs: Any) -> None:
        super().__init__("scores", "same", *columns, **kwargs)

    def update(self, scores: Tensor, same: Tensor, index: Tensor | None = None) -> None:
        """Add pairs.

        Args:
            scores: Similarities, ``(B,)``, larger for more alike.
            same: Whether the pair shows one person, ``(B,)`` bool.
            index: Index of each pair, ``(B,)``: a repeated one counts once. Without it each pair counts.
        """
        self.add_rows(scores, same.bool(), index=index)

    def pairs(self) -> tuple[Tensor, Tensor]:
        """Return scores and same of all distinct pairs, ``(N,)`` each.

        Raises:
            ValueError: If scores are not finite, or there are no genuine or no impostor pairs.
        """
        scores, same, *_ = self.rows()
        check_pairs(scores, same)
        return scores, same

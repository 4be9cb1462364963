"""Margin heads: classifiers of embeddings by angle, with a margin that their training loss adds to the true class."""

import math

import torch
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss
from pytorch_metric_learning.losses.large_margin_softmax_loss import LargeMarginSoftmaxLoss
from pytorch_metric_learning.utils.common_functions import TorchInitWrapper
from torch import Tensor, nn

from losses.distances import promoted

CLOSEST = 1 - 1e-7
"""Cosine up to which an angle has a derivative."""


class MarginHead(nn.Module):
    r"""Scores :math:`s \cos\theta_j` of embeddings against a direction for each class; a loss with a margin.

    Neither the embeddings' lengths nor the directions' count, and there is no bias. The margin is in :meth:`loss`
    alone: scores are those of evaluation, in training too. Loss and scores are in float32 at least. With several
    processes the loss is the mean of each one's batch, and gradients are averaged.

    Args:
        margin_loss: Of ``(B, D)`` embeddings and ``(B,)`` identities; has the directions ``W``, ``(D, n)``.
    """

    def __init__(self, margin_loss: LargeMarginSoftmaxLoss) -> None:
        super().__init__()
        self.margin_loss = margin_loss

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the scores ``(B, n)`` of embeddings ``(B, D)``, without a margin."""
        scores: Tensor = self.margin_loss.get_logits(promoted(embeddings))
        return scores

    def loss(self, embeddings: Tensor, identities: Tensor) -> Tensor:
        """Return the mean loss of embeddings ``(B, D)`` and their identities ``(B,)``."""
        loss: Tensor = self.margin_loss(promoted(embeddings), identities)
        return loss


class ArcFaceHead(MarginHead):
    r"""Softmax cross-entropy of :math:`s \cos(\theta_y + m)` and, for other classes, :math:`s \cos\theta_j`.

    Beyond :math:`\theta_y = \pi - m`, where the cosine would rise again, :math:`\cos\theta_y - m \sin m` goes on
    falling.

    Source: Deng et al. (2019), Eq. 3, https://arxiv.org/abs/1801.07698; the weights' initial deviation is that of the
    authors' code. The loss is pytorch-metric-learning's.

    Args:
        embedding_dim: D.
        num_classes: n, number of identities.
        margin: m in degrees, 0 or from 1 to 90; the paper's 0.5 rad are 28.6°.
        scale: s, above 0. To give the true class a probability P, it must be at least log((n − 1) P / (1 − P)), about.

    Raises:
        ValueError: If a setting is out of range; a margin below 1 is one in radians.

    Example:
        >>> import torch
        >>> head = ArcFaceHead(2, 2, margin=45.0, scale=2.0)
        >>> head.margin_loss.W.data = torch.eye(2)
        >>> x = torch.tensor([[3.0, 3.0]])  # at 45° to either class
        >>> head(x).detach(), head.loss(x, torch.tensor([0])).detach()  # of scores 2 cos 90° and 2 cos 45°
        (tensor([[1.4142, 1.4142]]), tensor(1.6318))
    """

    def __init__(self, embedding_dim: int, num_classes: int, *, margin: float = 28.6, scale: float = 64.0) -> None:
        if margin != 0.0 and not 1.0 <= margin <= 90.0:
            raise ValueError(f"Expected ArcFace's `margin` in degrees, 0 or from 1 to 90, not in radians, got {margin}")
        check_scale(scale)
        super().__init__(ArcFaceLoss(num_classes, embedding_dim, margin=margin, scale=scale, **_settings()))


class CosFaceHead(MarginHead):
    r"""Softmax cross-entropy of :math:`s (\cos\theta_y - m)` and, for other classes, :math:`s \cos\theta_j`.

    Source: Wang et al. (2018), Eq. 4, https://arxiv.org/abs/1801.09414. The loss is pytorch-metric-learning's.

    Args:
        embedding_dim: D.
        num_classes: n, number of identities.
        margin: m, a difference of cosines, from 0 to 1.
        scale: s, see :class:`ArcFaceHead`; the paper's Eq. 6.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> import torch
        >>> head = CosFaceHead(2, 2, margin=0.5, scale=2.0)
        >>> head.margin_loss.W.data = torch.eye(2)
        >>> x = torch.tensor([[3.0, 3.0]])  # at 45° to either class
        >>> head(x).detach(), head.loss(x, torch.tensor([0])).detach()  # of scores 2 (cos 45° − 0.5) and 2 cos 45°
        (tensor([[1.4142, 1.4142]]), tensor(1.3133))
    """

    def __init__(self, embedding_dim: int, num_classes: int, *, margin: float = 0.35, scale: float = 64.0) -> None:
        if not 0.0 <= margin <= 1.0:
            raise ValueError(f"Expected CosFace's `margin`, a difference of cosines, from 0 to 1, got {margin}")
        check_scale(scale)
        super().__init__(CosFaceLoss(num_classes, embedding_dim, margin=margin, scale=scale, **_settings()))


def check_scale(scale: float) -> None:
    """Refuse a scale that is not positive and finite."""
    if not 0.0 < scale < math.inf:
        raise ValueError(f"Expected `scale` (s) above 0, got {scale}")


def _settings() -> dict[str, object]:
    # SGD turns a direction by a step that falls with its squared length: at the library's deviation of 1 hardly at all
    return {"distance": _InnerCosine(), "weight_init_func": TorchInitWrapper(nn.init.normal_, std=0.01)}


class _InnerCosine(CosineSimilarity):  # type: ignore[misc]  # published without types
    """Cosines a little off ±1, where the angle has no derivative; in single precision also under autocast."""

    def compute_mat(self, query_emb: Tensor, ref_emb: Tensor) -> Tensor:
        with torch.autocast(query_emb.device.type, enabled=False):
            cosines: Tensor = super().compute_mat(query_emb, ref_emb)
        return cosines.clamp(-CLOSEST, CLOSEST)

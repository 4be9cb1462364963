"""Embedding distillation: a student's embeddings are drawn to a teacher's, whatever their length."""

from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from losses.distances import promoted


def embedding_distillation_loss(embeddings: Tensor, targets: Tensor) -> Tensor:
    r"""Average the cosine distance of a batch's embeddings to their targets.

    .. math::
        l_{kd} = \frac{1}{B} \sum_i \left(1 - \frac{v_i \cdot t_i}{\|v_i\| \|t_i\|}\right)

    which is half the squared distance of the L2-normalised embeddings. The targets take no gradient.

    Source: template-level knowledge distillation of Huber et al. (2021), section 3, https://arxiv.org/abs/2112.05646,
    where it is the mean squared error of the embeddings; distillation: Hinton et al. (2015),
    https://arxiv.org/abs/1503.02531.

    Args:
        embeddings: v, the student's, shape ``(B, D)``.
        targets: t, the teacher's, shape ``(B, D)``.

    Returns:
        Scalar in [0, 2], at least float32.

    Raises:
        ValueError: If the shapes are not those, differ, or are empty.

    Example:
        >>> import torch
        >>> embedding_distillation_loss(torch.tensor([[3.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
        tensor(0.5000)
    """
    if embeddings.ndim != 2 or embeddings.shape != targets.shape or not embeddings.numel():
        shapes = f"{tuple(embeddings.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"Expected non-empty embeddings and targets of one shape (B, D), got {shapes}")
    similarity = cosine_similarity(promoted(embeddings), promoted(targets.detach()))  # (B,)
    return (1 - similarity).mean()


class EmbeddingDistillationLoss(nn.Module):
    """Module form of :func:`embedding_distillation_loss`, for configs.

    Example:
        >>> import torch
        >>> EmbeddingDistillationLoss()(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
        tensor(1.)
    """

    def forward(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar loss of ``(B, D)`` embeddings and targets."""
        return embedding_distillation_loss(embeddings, targets)

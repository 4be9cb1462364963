"""What class-parallel training needs of a classifier's last layer: scores of some classes, and their margin."""

from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss
from pytorch_metric_learning.losses.large_margin_softmax_loss import LargeMarginSoftmaxLoss
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from lightning_modules.networks.class_parallel.class_cosines import class_cosines
from lightning_modules.networks.margin_head import CLOSEST, MarginHead
from losses.distances import promoted

DIRECTIONS = "margin_loss.W"
SCALED = (ArcFaceLoss.scale_logits, CosFaceLoss.scale_logits)
"""Of pytorch-metric-learning's, what multiplies cosines by the scale and does nothing else."""


def class_dims(layer: nn.Module) -> dict[str, int]:
    """Return the dimension of each parameter of a layer that counts classes.

    Raises:
        ValueError: If it is a margin head whose margin or scores need more than the cosines of some classes.
    """
    if not isinstance(layer, MarginHead):
        return {name: 0 for name, _ in layer.named_parameters()}
    loss = type(layer.margin_loss)
    is_plain = loss.get_cosine is LargeMarginSoftmaxLoss.get_cosine and loss.scale_logits in SCALED
    own = [name for name, _ in layer.named_parameters() if name != DIRECTIONS]
    if not is_plain or own or type(layer).forward is not MarginHead.forward or type(layer).loss is not MarginHead.loss:
        expected = "Expected a head of one direction for each class, ArcFace's or CosFace's, with `class_parallel`"
        raise ValueError(f"{expected}, got {type(layer).__name__}")
    return {DIRECTIONS: 1}


def similarities(layer: nn.Module, embeddings: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """Return linear scores, or the cosines of a margin head.

    Args:
        layer: A linear layer or a margin head.
        embeddings: ``(B, D)``.
        weights: The layer's, of k classes.

    Returns:
        ``(B, k)``, in float32 at least.
    """
    if isinstance(layer, MarginHead):
        return class_cosines(normalize(promoted(embeddings)), promoted(weights[DIRECTIONS]))
    return promoted(linear(embeddings, weights["weight"], weights.get("bias")))


def with_margin(layer: nn.Module, found: Tensor, faces: Tensor, classes: Tensor) -> Tensor:
    """Return what the softmax is taken of: the similarities with a margin head's margin and scale.

    Args:
        layer: A linear layer or a margin head.
        found: ``(B, k)``, what that has returned.
        faces: ``(b,)``: the faces whose class is among the k.
        classes: ``(b,)``: which of the k it is.
    """
    if not isinstance(layer, MarginHead):
        return found
    own = layer.margin_loss.modify_cosine_of_target_classes(found[faces, classes].clamp(-CLOSEST, CLOSEST))
    scaled: Tensor = layer.margin_loss.scale_logits(found.index_put((faces, classes), own))
    return scaled

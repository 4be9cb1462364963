"""Classification of occlusion patterns beside that of identities: what is covered, without a segmentation."""

from math import isfinite
from typing import Any, ClassVar

from torch import Tensor, nn

from datamodules.seams.face_batch import FaceBatch
from lightning_modules.classifier_module import ClassifierModule
from lightning_modules.networks import FaceNet
from losses import OcclusionPatternLoss


class OcclusionPatternModule(ClassifierModule):
    r"""Trains a classifier of faces with :math:`L = l_{cls} + \lambda\, l_{pattern}`.

    A linear layer on the mean over positions of the trunk's last feature map says which block of a grid is covered. It
    is used in training only, and the trained network is as large and as fast as without it. The two parts of the
    network are called apart: ``compiled`` is without effect in training.

    Source: the occlusion pattern predictor of FROM, Qiu et al. (2021), https://arxiv.org/abs/2108.09468, there on the
    features that decode the masks of corrupted features; here in place of any mask.

    Args:
        network: Maps ``(B, C, H, W)`` images to ``(B, D)`` embeddings; has ``features`` and ``head``.
        num_classes: Number of training identities.
        pattern_weight: :math:`\lambda`, not negative.
        grid: K, cells in a row and in a column; the authors' code has 4.
        settings: See :class:`~lightning_modules.classifier_module.ClassifierModule`.

    Raises:
        ValueError: If ``pattern_weight`` is negative or not finite, or ``grid`` below 1.
    """

    network: FaceNet
    logged: ClassVar = dict.fromkeys(("train", "val"), ("loss", "accuracy", "classification_loss", "pattern_loss"))

    def __init__(
        self, network: FaceNet, num_classes: int, *, pattern_weight: float = 1.0, grid: int = 4, **settings: Any
    ) -> None:
        if not (isfinite(pattern_weight) and pattern_weight >= 0):
            raise ValueError(f"Expected `pattern_weight` (λ) of at least 0, got {pattern_weight}")
        pattern_loss = OcclusionPatternLoss(grid)
        super().__init__(network, num_classes, **settings)
        self.pattern_weight = pattern_weight
        self.pattern_loss = pattern_loss
        self.pattern_classifier = nn.Linear(network.feature_shape[0], pattern_loss.num_patterns)

    def _step(self, split: str, batch: FaceBatch) -> Tensor:
        features = self.network.features(self.pixels(batch["image"]))  # (B, C, H', W')
        scores = self.pattern_classifier(features.mean((2, 3)))  # (B, patterns)
        added = {"pattern_loss": (self.pattern_weight, self.pattern_loss(scores, batch["mask"]))}
        return self.classified(split, batch, self.network.head(features), added)

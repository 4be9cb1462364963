"""Clean-teacher distillation: occluded faces are embedded as the clean trunk embeds them clean."""

from copy import deepcopy
from math import isfinite
from typing import Any, ClassVar

from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn

from datamodules.seams.face_batch import FaceBatch
from lightning_modules.classifier_module import ClassifierModule
from lightning_modules.clean_teacher import CleanTeacher
from lightning_modules.networks import FaceNet, load_network_weights
from losses import EmbeddingDistillationLoss


class DistillationModule(ClassifierModule):
    r"""Trains a classifier of occluded faces with :math:`L = l_{cls} + \gamma\, l_{kd}`.

    :math:`l_{kd}` draws the embedding of a face, occluded or not, to that of the same image without occluder by the
    teacher: this network with its initial weights, frozen; they are a checkpoint of a trunk trained on clean faces. The
    clean image is that before augmentation, and targets are the same for its mirror image, see
    :class:`~lightning_modules.clean_teacher.CleanTeacher`. In validation there is the classification's loss alone. The
    trained network is as large and as fast as without a teacher.

    Batches must hold clean images: ``data.init_args.loading.clean_views``.

    Source: Huber et al. (2021), template-level distillation, https://arxiv.org/abs/2112.05646, there with ElasticFace
    and a mean squared error.

    Args:
        network: Maps ``(B, C, H, W)`` images to ``(B, D)`` embeddings; has ``embedding_dim``.
        num_classes: Number of training identities.
        distillation_weight: :math:`\gamma`, not negative.
        distillation_loss: Of ``(B, D)`` embeddings and targets; the cosine distance by default.
        initial_weights: A checkpoint of this suite with the whole network, or an IResNet's weights of others.
        settings: See :class:`ClassifierModule`.

    Raises:
        ValueError: If ``distillation_weight`` is negative or not finite.
    """

    logged: ClassVar = {
        "train": ("loss", "accuracy", "classification_loss", "distillation_loss"),
        "val": ("loss", "accuracy"),
    }

    def __init__(
        self,
        network: FaceNet,
        num_classes: int,
        *,
        distillation_weight: float = 1.0,
        distillation_loss: nn.Module | None = None,
        initial_weights: str | None = None,
        **settings: Any,
    ) -> None:
        if not (isfinite(distillation_weight) and distillation_weight >= 0):
            raise ValueError(f"Expected `distillation_weight` (γ) of at least 0, got {distillation_weight}")
        super().__init__(network, num_classes, initial_weights=initial_weights, **settings)
        self.distillation_weight = distillation_weight
        self.distillation_loss = distillation_loss or EmbeddingDistillationLoss()
        self._weights_of_teacher = initial_weights
        self._teacher: CleanTeacher | None = None

    def setup(self, stage: str) -> None:
        """Make the teacher before anything is trained, or resumed.

        Raises:
            MisconfigurationException: If there are no initial weights of the whole network.
        """
        super().setup(stage)
        if stage == "fit":
            self._teacher = self._teacher or CleanTeacher(self._clean_network())

    def added_losses(self, batch: FaceBatch, embeddings: Tensor) -> dict[str, tuple[float, Tensor]]:
        """Return the weighted distillation loss.

        Raises:
            MisconfigurationException: If the batch has no clean images.
        """
        if "clean" not in batch:
            raise MisconfigurationException(
                "Expected `data.init_args.loading.clean_views: true` for distillation, got batches without clean images"
            )
        if self._teacher is None:
            raise MisconfigurationException("Expected a fit, which makes the teacher, got a step outside of one")
        targets = self._teacher.targets(batch["clean"], batch["index"], self.pixels)
        return {"distillation_loss": (self.distillation_weight, self.distillation_loss(embeddings, targets))}

    def _clean_network(self) -> nn.Module:
        path = self._weights_of_teacher
        if path in (None, "imagenet"):
            expected = "`initial_weights` of a trunk trained on clean faces, which is the teacher"
            raise MisconfigurationException(f"Expected {expected}, got {path}")
        network = deepcopy(self.network)
        try:
            load_network_weights(network, path)
        except ValueError as error:
            raise MisconfigurationException(f"Distillation's teacher: {error}") from error
        return network

"""Classification of training identities: Trunk and model A on clean faces, Baseline on occluded ones."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from datamodules.seams.face_batch import FaceBatch
from lightning_modules.class_parallel_module import ClassParallelModule
from lightning_modules.networks import (
    Classifier,
    FaceNet,
    MarginHeadCallable,
    check_single_loss,
    load_classifier_weights,
)
from lightning_modules.outputs import StepOutput


class ClassifierModule(ClassParallelModule):
    """Trains ``classifier(network(x))`` with softmax cross-entropy (SOIDN paper, Eq. 3 and 4; λ = 0), or a margin.

    Which faces are occluded is the data's business: on clean faces this is the paper's trunk, on clean and
    occluded ones its baseline.

    Args:
        network: Maps ``(B, C, H, W)`` images to ``(B, D)`` embeddings; has ``embedding_dim``.
        num_classes: Number of training identities.
        dropout: Dropout between embedding and classifier.
        margin_head: Classifier and loss in one, such as :class:`~lightning_modules.networks.ArcFaceHead`; ``None`` is a
            linear classifier.
        loss: Of ``(B, n)`` scores and ``(B,)`` identities; softmax cross-entropy by default. None beside a
            ``margin_head``.
        initial_weights: See :class:`~lightning_modules.base.FaceModule`.
        continue_classifier: Whether the classifier, too, starts from ``initial_weights``, a checkpoint of this module
            trained on the same identities: the same data, ``min_images``, ``num_unseen`` and seed. Otherwise it
            starts from random weights.
        settings: See :class:`~lightning_modules.class_parallel_module.ClassParallelModule`.

    Raises:
        ValueError: If ``continue_classifier`` comes without a checkpoint, or with one of another number of identities,
            or if there are both ``margin_head`` and ``loss``.
    """

    logged = dict.fromkeys(("train", "val"), ("loss", "accuracy"))
    makes: ClassVar = {"test": ("embedding",)}

    def __init__(
        self,
        network: FaceNet,
        num_classes: int,
        *,
        dropout: float = 0.0,
        margin_head: MarginHeadCallable | None = None,
        loss: nn.Module | None = None,
        initial_weights: str | None = None,
        continue_classifier: bool = False,
        **settings: Any,
    ) -> None:
        check_single_loss(margin_head, loss)
        classifier = Classifier(network.embedding_dim, num_classes, dropout=dropout, margin_head=margin_head)
        continued = ""
        if continue_classifier:
            if initial_weights in (None, "imagenet"):
                raise ValueError(
                    f"Expected `initial_weights` of a checkpoint with `continue_classifier`, got {initial_weights}"
                )
            continued = ", " + load_classifier_weights(classifier, initial_weights)  # before the network is written to
        super().__init__(network, initial_weights=initial_weights, **settings)
        self.check_loss(loss)
        self.origin += continued
        self.loss = loss or nn.CrossEntropyLoss()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(B, D)`` embeddings of raw ``(B, 3, H, W)`` images."""
        embeddings: Tensor = self.network(self.pixels(images))
        return embeddings

    def logits_network(self) -> nn.Module:
        """Return the network from normalised images ``(B, C, H, W)`` to class scores ``(B, n)``, without a margin.

        Weights and mode are shared with this module: dropout acts until either is put into evaluation.
        """
        return nn.Sequential(self.network, self.whole_classifier())

    def training_step(self, batch: FaceBatch, batch_idx: int) -> Tensor:
        """Return the classification loss."""
        return self._step("train", batch)

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Log loss and accuracy on other images of the training identities."""
        self._step("val", batch)

    def test_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Return embeddings of faces of unseen identities."""
        embeddings: Tensor = self(batch["image"])
        self.results.add(batch, embeddings)
        return StepOutput(embedding=embeddings)

    predict_step = test_step

    def added_losses(self, batch: FaceBatch, embeddings: Tensor) -> dict[str, tuple[float, Tensor]]:
        """Return what a method trains beside the classification: by name, a weight and a scalar loss.

        Args:
            batch: Of the training.
            embeddings: ``(B, D)`` of its images, with gradient.
        """
        return {}

    def classified(
        self, split: str, batch: FaceBatch, embeddings: Tensor, added: Mapping[str, tuple[float, Tensor]]
    ) -> Tensor:
        """Return the loss of a step, with what is added to the classification's, and log it.

        Args:
            split: ``train`` or ``val``.
            batch: Its faces.
            embeddings: ``(B, D)`` of them.
            added: By name, a weight and a scalar loss.
        """
        found = self.classify(embeddings, batch["identity"], self.loss)
        loss = sum((weight * value for weight, value in added.values()), start=found.loss)
        terms = {"classification_loss": found.loss} | {name: value for name, (_, value) in added.items()}
        if split == "val":
            self.results.add(batch, found.results)
        accuracy = found.correct.float().mean()
        self.log_losses(split, len(embeddings), loss=loss, accuracy=accuracy, **(terms if added else {}))
        return loss

    def _step(self, split: str, batch: FaceBatch) -> Tensor:
        embeddings = self(batch["image"])
        return self.classified(
            split, batch, embeddings, self.added_losses(batch, embeddings) if split == "train" else {}
        )

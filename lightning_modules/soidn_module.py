"""SOIDN: recognition and occlusion segmentation trained together."""

from typing import Any, ClassVar

from torch import Tensor, nn

from datamodules.seams.face_batch import FaceBatch
from lightning_modules.class_parallel_module import ClassParallelModule
from lightning_modules.networks import (
    Classifier,
    MarginHeadCallable,
    MaskedNetwork,
    check_single_loss,
    load_segmenter_weights,
    occluder_probability,
)
from lightning_modules.outputs import StepOutput
from losses import SegmentationLoss


class SOIDNModule(ClassParallelModule):
    r"""Trains SOIDN with :math:`L = l_{cls} + \lambda\, l_{seg}` (SOIDN paper, Eq. 2).

    Both terms are means over the batch.

    Args:
        network: A :class:`~lightning_modules.networks.SOIDN`, or one with a shared encoder.
        num_classes: Number of training identities.
        segmentation_weight: :math:`\lambda`, not negative; the paper's default is 1.
        dropout: Dropout between embedding and classifier.
        margin_head: Classifier and loss in one, such as :class:`~lightning_modules.networks.ArcFaceHead`; ``None`` is a
            linear classifier.
        segmenter_weights: Checkpoint of a segmentation network trained beforehand; ``None`` starts its encoder
            from the trunk's weights where the two are alike, as the paper does.
        classification_loss: Of ``(B, n)`` scores and ``(B,)`` identities; softmax cross-entropy by default. None
            beside a ``margin_head``.
        segmentation_loss: Of ``(B, 2, H, W)`` logits and ``(B, H, W)`` label maps; cross-entropy by default.
        settings: See :class:`~lightning_modules.class_parallel_module.ClassParallelModule`.

    Raises:
        ValueError: If ``segmentation_weight`` is negative or not finite, or if there are both ``margin_head`` and
            ``classification_loss``.
    """

    logged = dict.fromkeys(("train", "val"), ("loss", "accuracy", "classification_loss", "segmentation_loss"))
    makes: ClassVar = {"val": ("segmentation",), "test": ("embedding", "segmentation", "deep_response")}

    def __init__(
        self,
        network: MaskedNetwork,
        num_classes: int,
        *,
        segmentation_weight: float = 1.0,
        dropout: float = 0.0,
        margin_head: MarginHeadCallable | None = None,
        segmenter_weights: str | None = None,
        classification_loss: nn.Module | None = None,
        segmentation_loss: nn.Module | None = None,
        **settings: Any,
    ) -> None:
        if not 0.0 <= segmentation_weight < float("inf"):
            raise ValueError(f"Expected `segmentation_weight` (λ) of at least 0, got {segmentation_weight}")
        check_single_loss(margin_head, classification_loss)
        super().__init__(network, **settings)
        self.check_loss(classification_loss)
        self.segmentation_weight = segmentation_weight
        self.classification_loss = classification_loss or nn.CrossEntropyLoss()
        self.segmentation_loss = segmentation_loss or SegmentationLoss()
        if segmenter_weights is not None:
            self.origin += "; " + load_segmenter_weights(network, segmenter_weights)
        self.classifier = Classifier(network.embedding_dim, num_classes, dropout=dropout, margin_head=margin_head)

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(B, D)`` embeddings of raw ``(B, 3, H, W)`` images."""
        embeddings: Tensor = self.network(self.pixels(images)).embedding
        return embeddings

    def logits_network(self) -> nn.Module:
        """Return the network from normalised images ``(B, C, H, W)`` to class scores ``(B, n)``, without a margin.

        Weights and mode are shared with this module: dropout acts until either is put into evaluation.
        """
        return nn.Sequential(self.embedding_network(), self.whole_classifier())

    def learned_from(self, output: Any) -> Any:
        """Return embedding and segmentation: the masks are on the way to the one."""
        return output.embedding, output.logits

    def training_step(self, batch: FaceBatch, batch_idx: int) -> Tensor:
        """Return the joint loss."""
        loss, _ = self._step("train", batch)
        return loss

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Log losses and accuracy and return the segmentation."""
        _, logits = self._step("val", batch)
        return StepOutput(segmentation=logits.argmax(1).byte())

    def test_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Return embeddings, segmentation and the deep response of faces of unseen identities."""
        output = self.network(self.pixels(batch["image"]))
        self.results.add(batch, output.embedding, output.logits)
        return StepOutput(
            embedding=output.embedding,
            segmentation=output.logits.argmax(1).byte(),
            occluder_probability=occluder_probability(output.logits),
            deep_response=output.deep_response,
        )

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Return embeddings alone: the trainer keeps what this returns."""
        embeddings: Tensor = self(batch["image"])
        self.results.add(batch, embeddings)
        return StepOutput(embedding=embeddings)

    def _step(self, split: str, batch: FaceBatch) -> tuple[Tensor, Tensor]:
        output = self.network(self.pixels(batch["image"]))
        found = self.classify(output.embedding, batch["identity"], self.classification_loss)
        segmentation: Tensor = self.segmentation_loss(output.logits, batch["mask"])
        loss = found.loss + self.segmentation_weight * segmentation
        if split == "val":
            self.results.add(batch, found.results, output.logits)
        self.log_losses(
            split,
            len(output.embedding),
            loss=loss,
            accuracy=found.correct.float().mean(),
            classification_loss=found.loss,
            segmentation_loss=segmentation,
        )
        return loss, output.logits

"""Occlusion segmentation alone: the paper's OS network, the upper bound for SOIDN's segmentation."""

from typing import Any, ClassVar

from torch import Tensor, nn

from datamodules.seams.face_batch import FaceBatch
from lightning_modules.base import FaceModule
from lightning_modules.networks import Segmenter, occluder_probability
from lightning_modules.outputs import StepOutput
from losses import SegmentationLoss


class SegmentationModule(FaceModule):
    """Trains a segmenter with pixel-wise cross-entropy (SOIDN paper, Eq. 5).

    Args:
        network: The segmenter.
        loss: Of ``(B, 2, H, W)`` logits and ``(B, H, W)`` label maps; cross-entropy by default.
        settings: See :class:`~lightning_modules.base.FaceModule`.
    """

    logged = dict.fromkeys(("train", "val"), ("loss",))
    makes: ClassVar = {"val": ("segmentation",), "test": ("segmentation", "deep_response")}

    def __init__(self, network: Segmenter, *, loss: nn.Module | None = None, **settings: Any) -> None:
        super().__init__(network, **settings)
        self.loss = loss or SegmentationLoss()

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(B, 2, H, W)`` logits (clean, occluded) of raw ``(B, 3, H, W)`` images."""
        logits: Tensor = self.network(self.pixels(images)).logits
        return logits

    def learned_from(self, output: Any) -> Any:
        """Return the segmentation."""
        return output.logits

    def training_step(self, batch: FaceBatch, batch_idx: int) -> Tensor:
        """Return the segmentation loss."""
        loss, _ = self._step("train", batch)
        return loss

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Log the loss and return the segmentation."""
        _, logits = self._step("val", batch)
        return StepOutput(segmentation=logits.argmax(1).byte())

    def test_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Return the segmentation, its probability and the deep response of faces of unseen identities."""
        output = self.network(self.pixels(batch["image"]))
        self.results.add(batch, output.logits)
        return StepOutput(
            segmentation=output.logits.argmax(1).byte(),
            occluder_probability=occluder_probability(output.logits),
            deep_response=output.features[-1],
        )

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Return the segmentation alone: the trainer keeps what this returns."""
        logits: Tensor = self(batch["image"])
        self.results.add(batch, logits)
        return StepOutput(segmentation=logits.argmax(1).byte())

    def _step(self, split: str, batch: FaceBatch) -> tuple[Tensor, Tensor]:
        logits: Tensor = self(batch["image"])
        loss: Tensor = self.loss(logits, batch["mask"])
        if split == "val":
            self.results.add(batch, logits)
        self.log_losses(split, len(logits), loss=loss)
        return loss, logits

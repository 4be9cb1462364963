"""Occlusion segmentation alone: the paper's OS network, the upper bound for SOIDN's segmentation."""

from torch import Tensor

from datamodules.batch import FaceBatch
from lightning_modules.base import FaceModule
from lightning_modules.outputs import StepOutput
from losses import segmentation_loss


class SegmentationModule(FaceModule):
    """Trains a segmenter (:mod:`lightning_modules.networks.segmenter`) with pixel-wise cross-entropy (SOIDN, Eq. 5)."""

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(B, 2, H, W)`` logits (clean, occluded) of raw ``(B, 3, H, W)`` images."""
        logits: Tensor = self.network(self.normalize(images)).logits
        return logits

    def training_step(self, batch: FaceBatch, batch_idx: int) -> Tensor:
        """Return the segmentation loss."""
        loss: Tensor = segmentation_loss(self(batch["image"]), batch["mask"])
        self.log_losses("train", len(batch["index"]), loss=loss)
        return loss

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Log the loss and return the segmentation."""
        logits = self(batch["image"])
        self.log_losses("val", len(logits), loss=segmentation_loss(logits, batch["mask"]))
        return StepOutput(segmentation=logits.argmax(1).byte())

    def test_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Return the segmentation and the deep response of faces of unseen identities."""
        output = self.network(self.pixels(batch))
        return StepOutput(segmentation=output.logits.argmax(1).byte(), deep_response=output.features[-1])

    predict_step = test_step

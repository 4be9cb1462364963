"""The OS network alone, Eq. 5."""

import torch

from datamodules.seams.face_batch import FaceBatch
from lightning_modules import SegmentationModule
from lightning_modules.networks import FCN8s
from losses import segmentation_loss


def test_loss_and_results_come_from_raw_pixels(batch: FaceBatch) -> None:
    torch.manual_seed(0)
    network = FCN8s(0.125, fully_connected_dim=16, dropout=0.0)
    module = SegmentationModule(network)
    module.log = lambda *args, **kwargs: None  # type: ignore[method-assign]  # there is no trainer
    logits = network((batch["image"].float() - 127.5) / 127.5).logits
    torch.testing.assert_close(module(batch["image"]), logits)
    torch.testing.assert_close(module.training_step(batch, 0), segmentation_loss(logits, batch["mask"]))
    assert torch.equal(module.test_step(batch, 0)["segmentation"], logits.argmax(1).byte())

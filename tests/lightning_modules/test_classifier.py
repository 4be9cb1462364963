"""Softmax classification, Eq. 3 and 4."""

import torch
from torch.nn.functional import log_softmax

from datamodules.batch import FaceBatch
from lightning_modules import ClassifierModule
from lightning_modules.networks import FaceNet, Normalize


def test_loss_is_softmax_cross_entropy_of_the_embeddings(face_net: FaceNet, batch: FaceBatch) -> None:
    module = ClassifierModule(face_net, 3).eval()
    module.log = lambda *args, **kwargs: None  # type: ignore[method-assign]  # there is no trainer
    scores = log_softmax(module.classifier(module(batch["image"])), 1)
    expected = -torch.stack([row[label] for row, label in zip(scores, batch["identity"], strict=True)]).mean()
    torch.testing.assert_close(module.training_step(batch, 0), expected)


def test_takes_raw_pixels(face_net: FaceNet, batch: FaceBatch) -> None:
    module = ClassifierModule(face_net, 3, normalize=Normalize([100.0, 90.0, 80.0], [2.0, 4.0, 8.0])).eval()
    image = batch["image"].float() - torch.tensor([100.0, 90.0, 80.0])[:, None, None]
    expected = face_net(image / torch.tensor([2.0, 4.0, 8.0])[:, None, None])
    torch.testing.assert_close(module(batch["image"]), expected)
    torch.testing.assert_close(module.test_step(batch, 0)["embedding"], expected)

"""SOIDN's joint loss, Eq. 2."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax

from datamodules.seams.face_batch import FaceBatch
from lightning_modules import SOIDNModule
from lightning_modules.networks import SOIDN, CosFaceHead, MarginHead


def module(network: SOIDN, **settings: Any) -> SOIDNModule:
    torch.manual_seed(1)
    made = SOIDNModule(network, 3, **settings)
    made.log = lambda *args, **kwargs: None  # type: ignore[method-assign]  # there is no trainer
    return made


def plain_losses(made: SOIDNModule, batch: FaceBatch) -> tuple[Tensor, Tensor]:
    """Recompute classification and segmentation loss face by face and pixel by pixel."""
    output = made.network((batch["image"].float() - 127.5) / 127.5)
    scores = made.classifier(output.embedding)
    classification = [-log_softmax(row, 0)[label] for row, label in zip(scores, batch["identity"], strict=True)]
    pixels = log_softmax(output.logits, 1).permute(0, 2, 3, 1).reshape(-1, 2)
    segmentation = [-row[label] for row, label in zip(pixels, batch["mask"].long().flatten(), strict=True)]
    return torch.stack(classification).mean(), torch.stack(segmentation).mean()


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 3.0])
def test_loss_is_classification_plus_weighted_segmentation(soidn: SOIDN, batch: FaceBatch, weight: float) -> None:
    made = module(soidn, segmentation_weight=weight).eval()
    classification, segmentation = plain_losses(made, batch)
    torch.testing.assert_close(made.training_step(batch, 0), classification + weight * segmentation)


def test_without_segmentation_weight_its_labels_teach_nothing(soidn: SOIDN, batch: FaceBatch) -> None:
    made = module(soidn, segmentation_weight=0.0)
    output = made.network(made.pixels(batch["image"]))
    alone = cross_entropy(made.classifier(output.embedding), batch["identity"])
    weights = list(soidn.parameters())
    expected = torch.autograd.grad(alone, weights, allow_unused=True)
    given = torch.autograd.grad(made.training_step(batch, 0), weights, allow_unused=True)
    for one, two in zip(expected, given, strict=True):
        torch.testing.assert_close(
            torch.zeros(()) if one is None else one.sum(), torch.zeros(()) if two is None else two.sum()
        )


def test_segmentation_weight_reaches_the_segmenters_scores(soidn: SOIDN, batch: FaceBatch) -> None:
    made = module(soidn, segmentation_weight=1.0)
    made.training_step(batch, 0).backward()  # type: ignore[no-untyped-call]  # torch's
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in soidn.segmenter.parameters())


@pytest.mark.parametrize("weight", [-1.0, float("inf"), float("nan")])
def test_refuses_weight(soidn: SOIDN, weight: float) -> None:
    with pytest.raises(ValueError, match=r"`segmentation_weight` \(λ\) of at least 0"):
        SOIDNModule(soidn, 3, segmentation_weight=weight)


def test_takes_raw_pixels(soidn: SOIDN, batch: FaceBatch) -> None:
    made = module(soidn).eval()
    expected = soidn((batch["image"].float() - 127.5) / 127.5)
    torch.testing.assert_close(made(batch["image"]), expected.embedding)
    result = made.test_step(batch, 0)
    torch.testing.assert_close(result["embedding"], expected.embedding)
    torch.testing.assert_close(result["deep_response"], expected.deep_response)
    assert torch.equal(result["segmentation"], expected.logits.argmax(1).byte())


def test_logits_network_gives_the_classifiers_scores(soidn: SOIDN, batch: FaceBatch) -> None:
    made = module(soidn, dropout=0.5).eval()
    x = made.pixels(batch["image"])
    torch.testing.assert_close(made.logits_network()(x), made.classifier(soidn(x).embedding))
    assert {id(p) for p in made.logits_network().parameters()} == {id(p) for p in made.parameters()}


def test_a_margin_heads_loss_takes_the_place_of_softmax(soidn: SOIDN, batch: FaceBatch) -> None:
    made = module(soidn, segmentation_weight=0.5, margin_head=partial(CosFaceHead, scale=16.0)).eval()
    _, segmentation = plain_losses(made, batch)
    head = made.classifier[1]
    assert isinstance(head, MarginHead)
    x = made.pixels(batch["image"])
    classification = head.loss(soidn(x).embedding, batch["identity"])
    torch.testing.assert_close(made.training_step(batch, 0), classification + 0.5 * segmentation)
    torch.testing.assert_close(made.logits_network()(x), head(soidn(x).embedding))


def test_refuses_a_loss_beside_a_margin_head(soidn: SOIDN) -> None:
    with pytest.raises(ValueError, match=r"either a `margin_head`, .* or a loss, got both: CrossEntropyLoss\(\)"):
        SOIDNModule(soidn, 3, margin_head=CosFaceHead, classification_loss=nn.CrossEntropyLoss())

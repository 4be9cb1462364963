"""Losses and mining on every device and in every precision: those of float64 on a CPU."""

from collections.abc import Callable
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch.testing import assert_close

from losses import (
    BatchTripletLoss,
    DistanceLoss,
    SegmentationLoss,
    Strategy,
    TripletLoss,
    active_share,
    decidability,
    mine_triplets,
    squared_distances,
    triplet_distances,
)
from tests.conftest import Precision

LOSSES: dict[str, Callable[[], DistanceLoss]] = {"triplet": TripletLoss, "batch triplet": BatchTripletLoss}


def batch() -> tuple[Tensor, Tensor]:
    """Return 24 embeddings of six identities, float64."""
    generator = torch.Generator().manual_seed(0)
    identities = torch.arange(6).repeat(4)
    z = torch.randn(6, 8, generator=generator)[identities] + torch.randn(24, 8, generator=generator)
    return normalize(z).double(), identities


def mined(loss: DistanceLoss, strategy: Strategy, z: Tensor, identities: Tensor) -> tuple[Tensor, Tensor]:
    triplets = mine_triplets(z, identities, margin=loss.margin, strategy=strategy)
    return torch.stack(triplets), loss.from_distances(*triplet_distances(z, *triplets))


@pytest.mark.parametrize("strategy", get_args(Strategy))
@pytest.mark.parametrize("loss", LOSSES)
def test_mined_triplets_their_loss_and_its_gradient(loss: str, strategy: Strategy, precision: Precision) -> None:
    z, identities = batch()
    exact = z.requires_grad_()
    there = z.detach().float().to(precision.device).requires_grad_()
    with precision.autocast():
        triplets, value = mined(LOSSES[loss](), strategy, there, identities.to(precision.device))
    theirs, expected = mined(LOSSES[loss](), strategy, exact, identities)
    assert torch.equal(triplets.cpu(), theirs)  # no distance lies within rounding of a bound
    assert value.dtype == torch.float32
    assert_close(value.detach().cpu().double(), expected.detach(), rtol=1e-5, atol=1e-6)
    gradients = torch.autograd.grad(value, there)[0], torch.autograd.grad(expected, exact)[0]
    assert_close(gradients[0].cpu().double(), gradients[1], rtol=1e-4, atol=1e-6)


def test_distances_and_measures_of_them(precision: Precision) -> None:
    z, identities = batch()
    there, people = z.float().to(precision.device), identities.to(precision.device)
    with precision.autocast():
        distances = squared_distances(there, there)
        share = active_share(there, people, margin=0.5)
        decided = decidability(distances[0], distances[1])
    exact = squared_distances(z, z)
    assert_close(distances.cpu().double(), exact, rtol=1e-5, atol=1e-5)
    assert_close(share.cpu(), active_share(z, identities, margin=0.5))
    assert_close(decided.cpu().double(), decidability(exact[0], exact[1]), rtol=1e-4, atol=1e-5)


def test_no_triplets_have_no_loss_but_a_graph(device: torch.device) -> None:
    z = torch.eye(3, device=device, requires_grad=True)
    triplets = mine_triplets(z, torch.arange(3, device=device), margin=0.5)
    loss = BatchTripletLoss().from_distances(*triplet_distances(z, *triplets))
    assert (triplets.anchor.device.type, loss.device.type, float(loss.detach())) == (device.type, device.type, 0)
    assert not torch.autograd.grad(loss, z)[0].any()


def test_segmentation(precision: Precision) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 2, 5, 6, generator=generator, dtype=torch.double).requires_grad_()
    mask = torch.randint(2, (2, 5, 6), generator=generator, dtype=torch.uint8)
    there = logits.detach().float().to(precision.device).requires_grad_()
    with precision.autocast():
        value = SegmentationLoss()(there, mask.to(precision.device))
    exact = SegmentationLoss()(logits, mask)
    assert_close(value.detach().cpu().double(), exact.detach(), rtol=1e-6, atol=1e-6)
    ours, theirs = torch.autograd.grad(value, there)[0], torch.autograd.grad(exact, logits)[0]
    assert_close(ours.cpu().double(), theirs, rtol=1e-5, atol=1e-7)

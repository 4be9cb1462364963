"""SOIDN with a shared encoder: masks by hand, where they may act, who learns from which loss."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn
from torch.testing import assert_close

from lightning_modules.networks import (
    OcclusionMaskAdaptor,
    SegmenterOutput,
    SharedSOIDN,
    SubpixelDecoder,
    VGG16Head,
    VGG16Trunk,
)
from losses import segmentation_loss
from tests.helpers.masked_networks import assert_near_baseline, has_gradient

Source = Literal["features", "scores"]
head = partial(VGG16Head, embedding_dim=16, dropout=0.0)


def shared(**settings: Any) -> SharedSOIDN:
    decoder = partial(SubpixelDecoder, channels=4, grid=1)
    given = {"decoder": decoder, "decoder_stages": [2, 3, 4], **settings}
    return SharedSOIDN(VGG16Trunk(0.125), head, 32, **given)


@pytest.fixture
def images() -> Tensor:
    return torch.randn(2, 3, 32, 32)


def decoded(net: SharedSOIDN, images: Tensor, stages: Sequence[int] = (2, 3, 4)) -> SegmenterOutput:
    maps = net.trunk.features(images)  # type: ignore[operator]  # a Trunk's
    result: SegmenterOutput = net.decoder([maps[stage - 1] for stage in stages])
    return result


def test_the_mask_at_the_top_by_hand(images: Tensor) -> None:
    net = shared(mask_weight=0.5).eval()
    logits, features = decoded(net, images)
    adaptor = net.adaptors[0]
    assert isinstance(adaptor, OcclusionMaskAdaptor)
    mask = (F.conv2d(F.avg_pool2d(features[-1], 4), adaptor.convolution.weight) + 4.0).sigmoid()
    output = net(images)
    assert_close(output.embedding, net.head(mask * net.trunk(images)))
    assert_close(output.masks, [mask])
    assert_close(output.logits, logits)
    assert_close(output.deep_response, features[-1])


def test_masks_of_two_levels_from_scores_by_hand(images: Tensor) -> None:
    net = shared(mask_positions=[5, 3], mask_source="scores", decoder_stages=[3, 1]).eval()
    clean, occluded = decoded(net, images, (1, 3)).logits.unbind(1)  # (B, 32, 32)
    mask = (clean - occluded + 2.0).unsqueeze(1)
    stages = list(net.trunk.get_submodule("stages").children())
    x = nn.Sequential(*stages[:3])(images) * F.avg_pool2d(mask, 4).sigmoid()
    x = nn.Sequential(*stages[3:])(x) * F.avg_pool2d(mask, 16).sigmoid()
    assert (net.mask_positions, net.decoder_stages) == ([3, 5], [1, 3])
    assert_close(net(images).embedding, net.head(x))


def test_a_second_pass_masks_the_image_by_hand(images: Tensor) -> None:
    net = shared(mask_positions=[0, 2], mask_source="scores", second_pass=True).eval()
    score = decoded(net, images).logits  # (B, 2, 32, 32)
    masks = [(s[:, :1] - s[:, 1:] + 2.0).sigmoid() for s in (score, F.avg_pool2d(score, 2))]
    stages = list(net.trunk.get_submodule("stages").children())
    x = nn.Sequential(*stages[:2])(images * masks[0])  # (B, 16, 16, 16)
    output = net(images)
    assert_close(output.embedding, net.head(nn.Sequential(*stages[2:])(x * masks[1])))
    assert_close([mask[:, :1] for mask in output.masks], masks)


@pytest.mark.parametrize("source", ["features", "scores"])
def test_masks_lie_in_0_1_and_have_the_shape_of_what_they_mask(source: Source, images: Tensor) -> None:
    masks = shared(mask_positions=range(6), mask_source=source, mask_weight=9.0, second_pass=True)(images).masks
    maps = [images, *VGG16Trunk(0.125).features(images)]
    assert [m.shape for m in masks] == [f.shape for f in maps]
    assert all(m.min() >= 0 and m.max() <= 1 for m in masks)


@pytest.mark.parametrize("second_pass", [False, True])
@pytest.mark.parametrize(("bias", "tolerance"), [(None, 0.05), (30.0, 1e-5)])
def test_fresh_network_nearly_equals_the_baseline(
    bias: float | None, tolerance: float, second_pass: bool, images: Tensor
) -> None:
    net = shared(mask_bias=bias, mask_positions=[4, 5] if bias else "top", second_pass=second_pass).eval()
    assert_near_baseline(net, head, images, tolerance)


@pytest.mark.parametrize("source", ["features", "scores"])
@pytest.mark.parametrize("detach", [False, True])
def test_classification_reaches_the_decoder_unless_detached(source: Source, detach: bool, images: Tensor) -> None:
    net = shared(mask_source=source, detach_segmenter=detach)
    torch.autograd.backward(net(images).embedding.sum())
    assert has_gradient(net.decoder) == (not detach)
    assert has_gradient(net.adaptors)
    assert has_gradient(net.trunk)


@pytest.mark.parametrize("detach", [False, True])
def test_segmentation_reaches_the_decoder_and_the_first_stages_unless_detached(detach: bool, images: Tensor) -> None:
    net = shared(detach_trunk=detach, decoder_stages=[2, 3])
    torch.autograd.backward(segmentation_loss(net(images).logits, torch.ones(2, 32, 32, dtype=torch.uint8)))
    assert has_gradient(net.decoder)
    reached = [has_gradient(stage) for stage in net.trunk.get_submodule("stages").children()]
    assert reached == [not detach] * 3 + [False] * 2
    assert not any(has_gradient(module) for module in (net.adaptors, net.head))


def test_detached_trunk_learns_recognition_alone_whatever_the_segmentation_weight(images: Tensor) -> None:
    net = shared(detach_trunk=True, detach_segmenter=True)
    output = net(images)
    loss = segmentation_loss(output.logits, torch.ones(2, 32, 32, dtype=torch.uint8))
    weights = list(net.trunk.parameters())
    alone = torch.autograd.grad(output.embedding.sum(), weights, retain_graph=True)
    assert_close(torch.autograd.grad(output.embedding.sum() + 3 * loss, weights), alone)


@pytest.mark.parametrize("positions", [[], [6], [-1], [4, 4]])
def test_refuses_positions(positions: list[int]) -> None:
    with pytest.raises(ValueError, match="`mask_positions` distinct and in 0 to 5"):
        shared(mask_positions=positions)


@pytest.mark.parametrize("positions", [[0], [3, 5]])
def test_refuses_a_mask_before_what_it_is_decoded_from(positions: list[int]) -> None:
    with pytest.raises(ValueError, match="from 4, the last of `decoder_stages`, or `second_pass`, got"):
        shared(mask_positions=positions)


@pytest.mark.parametrize("stages", [[], [0, 1], [6], [2, 2]])
def test_refuses_stages(stages: list[int]) -> None:
    with pytest.raises(ValueError, match="`decoder_stages` distinct and in 1 to 5, the number of stages, got"):
        shared(decoder_stages=stages)


def test_refuses_unknown_source() -> None:
    with pytest.raises(ValueError, match='`mask_source` "features" or "scores", got \'depth\''):
        shared(mask_source="depth")


def test_refuses_other_logits() -> None:
    class Three(nn.Module):
        def __init__(self, shapes: object, image_size: int) -> None:
            super().__init__()

        def forward(self, maps: list[Tensor]) -> SegmenterOutput:
            return SegmenterOutput(maps[0][:, :3], maps)

    with pytest.raises(ValueError, match=r"a decoder with logits of shape \(B, 2, H, W\), got \(1, 3, 16, 16\)"):
        shared(decoder=Three)

"""SOIDN: Eq. 1 by hand, masks of f's shape, who learns from which loss, and compositions."""

from functools import partial
from typing import Literal

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn
from torch.testing import assert_close

from lightning_modules.networks import (
    SOIDN,
    FCN8s,
    OcclusionMaskAdaptor,
    PooledHead,
    Segmenter,
    SegmenterOutput,
    SMPSegmenter,
    TimmTrunk,
    VGG16Head,
    VGG16Trunk,
)
from lightning_modules.networks.copy_weights import copy_matching_weights
from losses import segmentation_loss
from tests.helpers.masked_networks import assert_near_baseline, has_gradient

Source = Literal["features", "scores"]
head = partial(VGG16Head, embedding_dim=16)


def small_fcn() -> FCN8s:
    return FCN8s(0.125, fully_connected_kernel=3)


def small_soidn(**settings: object) -> SOIDN:
    return SOIDN(VGG16Trunk(0.125), small_fcn(), head, 32, **settings)  # type: ignore[arg-type]  # passed through


@pytest.fixture
def images() -> Tensor:
    return torch.randn(2, 3, 32, 32)


def test_equation_1_by_hand(images: Tensor) -> None:
    net = small_soidn(mask_weight=0.5).eval()
    adaptor = net.adaptors[0]
    assert isinstance(adaptor, OcclusionMaskAdaptor)
    f, g = net.trunk(images), net.segmenter(images).features[-1]
    mask = (F.conv2d(g, adaptor.convolution.weight) + 4.0).sigmoid()
    output = net(images)
    assert_close(output.embedding, net.head(mask * f))
    assert_close(output.masks, [mask])
    assert_close(output.logits, net.segmenter(images).logits)


def test_several_masks_from_scores_by_hand(images: Tensor) -> None:
    net = small_soidn(mask_positions=[3, 0], mask_source="scores").eval()
    nn.init.normal_(net.segmenter.get_submodule("score_pools.pool3").weight)  # type: ignore[arg-type]  # a convolution's
    clean, occluded = net.segmenter(images).logits.unbind(1)
    mask = clean - occluded + 2.0  # (B, 32, 32), before the sigmoid
    x = images * mask.unsqueeze(1).sigmoid()
    for k, stage in enumerate(net.trunk.get_submodule("stages").children(), start=1):
        x = stage(x)
        if k == 3:
            x = x * F.avg_pool2d(mask, 4).unsqueeze(1).sigmoid()
    assert net.mask_positions == [0, 3]
    assert_close(net(images).embedding, net.head(x))


@pytest.mark.parametrize("source", ["features", "scores"])
def test_masks_lie_in_0_1_and_have_the_shape_of_what_they_mask(source: Source, images: Tensor) -> None:
    masks = small_soidn(mask_positions=range(6), mask_source=source, mask_weight=9.0)(images).masks
    maps = [images, *VGG16Trunk(0.125).features(images)]
    assert [m.shape for m in masks] == [f.shape for f in maps]
    assert all(m.min() >= 0 and m.max() <= 1 for m in masks)


def test_each_position_takes_the_deepest_map_of_its_size() -> None:
    assert small_soidn(mask_positions=[0, 1, 3, 5]).map_indices == [0, 0, 2, 4]
    trunk = VGG16Trunk(0.125)
    # DeepLab's encoder ends in two maps of stride 16
    assert SOIDN(trunk, SMPSegmenter("DeepLabV3Plus"), head, 64).map_indices == [4]


@pytest.mark.parametrize(("bias", "tolerance"), [(None, 0.05), (30.0, 1e-5)])
def test_fresh_network_nearly_equals_the_baseline(bias: float | None, tolerance: float, images: Tensor) -> None:
    net = small_soidn(mask_bias=bias).eval()
    assert_near_baseline(net, head, images, tolerance)


@pytest.mark.parametrize("source", ["features", "scores"])
@pytest.mark.parametrize("detach", [False, True])
def test_classification_reaches_the_segmenter_unless_detached(source: Source, detach: bool, images: Tensor) -> None:
    net = small_soidn(mask_source=source, detach_segmenter=detach)
    nn.init.normal_(net.segmenter.get_submodule("score").weight)  # type: ignore[arg-type]  # a convolution's
    torch.autograd.backward(net(images).embedding.sum())
    assert has_gradient(net.segmenter) == (not detach)
    assert has_gradient(net.adaptors)
    assert has_gradient(net.trunk)


@pytest.mark.parametrize("detach", [False, True])
def test_segmentation_reaches_the_segmenter_alone(detach: bool, images: Tensor) -> None:
    net = small_soidn(detach_segmenter=detach)
    torch.autograd.backward(segmentation_loss(net(images).logits, torch.ones(2, 32, 32, dtype=torch.uint8)))
    assert has_gradient(net.segmenter)
    assert not any(has_gradient(module) for module in (net.trunk, net.adaptors, net.head))


def test_segmenter_starts_from_the_trunk_without_sharing() -> None:
    net = small_soidn()
    assert copy_matching_weights(net.trunk, net.segmenter.get_submodule("encoder")) == 26  # 13 weights, 13 biases
    encoder = net.segmenter.get_submodule("encoder")
    assert_close(encoder.state_dict(), net.trunk.state_dict())
    nn.init.zeros_(next(encoder.parameters()))
    assert next(net.trunk.parameters()).any()


def test_paper_size() -> None:
    with torch.device("meta"):
        net = SOIDN(VGG16Trunk(), FCN8s(), VGG16Head, 224)
        embedding, logits, masks, _ = net(torch.zeros(1, 3, 224, 224))
    assert (embedding.shape, logits.shape) == ((1, 4096), (1, 2, 224, 224))
    assert [m.shape for m in masks] == [(1, 512, 14, 14)]
    assert net.embedding_dim == 4096


@pytest.mark.parametrize("arch", ["Unet", "FPN"])
def test_timm_trunk_with_smp_segmenter(arch: str) -> None:
    net = SOIDN(TimmTrunk("resnet18", out_index=3), SMPSegmenter(arch), PooledHead, 64, [1, 3, 4]).eval()
    embedding, logits, masks, _ = net(torch.randn(1, 3, 64, 64))
    assert (embedding.shape, logits.shape) == ((1, 256), (1, 2, 64, 64))
    assert [m.shape[1:] for m in masks] == [(64, 32, 32), (128, 8, 8), (256, 4, 4)]


def test_single_stage_trunk_masks_image_and_top() -> None:
    net = SOIDN(TimmTrunk("mobilenetv3_small_050"), small_fcn(), PooledHead, 64, [0, 1], mask_source="scores").eval()
    assert [m.shape[1:] for m in net(torch.randn(1, 3, 64, 64)).masks] == [(3, 64, 64), (288, 2, 2)]


def test_odd_image_size() -> None:
    net = SOIDN(VGG16Trunk(0.125), small_fcn(), head, 45)
    assert net(torch.randn(1, 3, 45, 45)).logits.shape == (1, 2, 45, 45)


def test_grey_images_and_a_single_one() -> None:
    segmenter = FCN8s(0.125, in_channels=1)
    net = SOIDN(VGG16Trunk(0.125, in_channels=1), segmenter, PooledHead, 32, [0, 5], in_channels=1).eval()
    assert [m.shape[1] for m in net(torch.randn(1, 1, 32, 32)).masks] == [1, 64]


def test_mismatch_names_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(C, H, W\) = \(64, 4, 4\) at mask position 5, got \[\(24, 32, 32\)\]"):
        SOIDN(VGG16Trunk(0.125), OneMap(), head, 64)


class OneMap(Segmenter):
    def __init__(self, channels: int = 2) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> SegmenterOutput:
        _, _, height, width = x.shape
        features = x.new_zeros(len(x), 24, height // 2, width // 2)
        return SegmenterOutput(x.new_zeros(len(x), self.channels, height, width), [features])


def test_refuses_other_logits() -> None:
    with pytest.raises(ValueError, match=r"logits of shape \(1, 2, 32, 32\), got \(1, 3, 32, 32\)"):
        SOIDN(VGG16Trunk(0.125), OneMap(channels=3), head, 32)


@pytest.mark.parametrize("positions", [[], [6], [-1], [1, 1]])
def test_refuses_positions(positions: list[int]) -> None:
    with pytest.raises(ValueError, match="`mask_positions` distinct and in 0 to 5"):
        small_soidn(mask_positions=positions)


def test_refuses_unknown_source() -> None:
    with pytest.raises(ValueError, match='`mask_source` "features" or "scores"'):
        small_soidn(mask_source="depth")


def test_refuses_to_initialise_another_architecture() -> None:
    net = SOIDN(VGG16Trunk(0.125), FCN8s(0.25), head, 32)
    with pytest.raises(ValueError, match="equal name and shape in VGG16Trunk and VGG16Trunk, got none"):
        copy_matching_weights(net.trunk, net.segmenter.get_submodule("encoder"))

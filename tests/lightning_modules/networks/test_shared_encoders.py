"""SOIDN with a shared encoder on any trunk, and what it starts from."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from lightning_modules import SOIDNModule
from lightning_modules.networks import (
    SOIDN,
    CasiaNetTrunk,
    FaceNet,
    FCN8s,
    IResNetTrunk,
    PooledHead,
    SharedSOIDN,
    TimmTrunk,
    VGG16Head,
    VGG16Trunk,
    load_network_weights,
    load_segmenter_weights,
    load_trunk_weights,
)

head = partial(VGG16Head, embedding_dim=16, dropout=0.0)


def shared() -> SharedSOIDN:
    return SharedSOIDN(VGG16Trunk(0.125), head, 32)


def checkpoint(network: nn.Module, folder: Path) -> Path:
    state = {f"network.{name}": t for name, t in network.state_dict().items()}
    torch.save({"state_dict": state}, folder / "last.ckpt")
    return folder / "last.ckpt"


TRUNKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "VGG16": (partial(VGG16Trunk, 0.125), 45),
    "CASIA-Net": (partial(CasiaNetTrunk, 0.125, in_channels=3), 45),
    "IResNet": (partial(IResNetTrunk, 18, 0.125), 45),
    "timm's ResNet": (partial(TimmTrunk, "resnet10t"), 67),
    "timm's ConvNeXt": (partial(TimmTrunk, "convnextv2_atto"), 96),
}


@pytest.mark.parametrize("trunk", TRUNKS)
@pytest.mark.parametrize("settings", [{}, {"mask_positions": [0, 1, 4], "second_pass": True}], ids=str)
def test_every_trunk_at_odd_sizes(trunk: str, settings: dict[str, Any]) -> None:
    make, side = TRUNKS[trunk]
    net = SharedSOIDN(make(), partial(PooledHead, embedding_dim=8), side, **settings)
    embedding, logits, masks, response = net(torch.randn(2, 3, side, side))
    assert (embedding.shape, logits.shape) == ((2, 8), (2, 2, side, side))
    torch.autograd.backward(embedding.sum() + logits.sum())
    assert [name for name, p in net.named_parameters() if p.grad is None] == []
    assert len(masks) == len(net.mask_positions)
    assert response.ndim == 4


@pytest.mark.parametrize(("trunk", "stages"), [("VGG16", [3, 4, 5]), ("timm's ConvNeXt", [2, 3, 4])])
def test_the_last_three_stages_are_decoded_where_none_are_named(trunk: str, stages: list[int]) -> None:
    make, side = TRUNKS[trunk]
    assert SharedSOIDN(make(), PooledHead, side).decoder_stages == stages


def test_a_trunk_of_one_stage_masks_its_top_by_itself() -> None:
    trunk = TimmTrunk("mobilenetv3_small_050")
    net = SharedSOIDN(trunk, PooledHead, 64).eval()
    assert [m.shape[1:] for m in net(torch.randn(1, 3, 64, 64)).masks] == [(288, 2, 2)]


def test_grey_images_and_a_single_one() -> None:
    trunk = VGG16Trunk(0.125, in_channels=1)
    net = SharedSOIDN(trunk, PooledHead, 32, mask_positions=[0, 5], second_pass=True, in_channels=1).eval()
    assert [m.shape[1] for m in net(torch.randn(1, 1, 32, 32)).masks] == [1, 64]


def test_paper_size() -> None:
    with torch.device("meta"):
        net = SharedSOIDN(VGG16Trunk(), VGG16Head, 224)
        embedding, logits, masks, _ = net(torch.zeros(1, 3, 224, 224))
    assert (embedding.shape, logits.shape) == ((1, 4096), (1, 2, 224, 224))
    assert [m.shape for m in masks] == [(1, 512, 14, 14)]


def test_trunk_and_head_start_from_a_baseline(tmp_path: Path) -> None:
    baseline, images = FaceNet(VGG16Trunk(0.125), head, 32).eval(), torch.randn(2, 3, 32, 32)
    file = checkpoint(baseline, tmp_path)
    net = SharedSOIDN(VGG16Trunk(0.125), head, 32, mask_bias=30.0).eval()
    assert load_trunk_weights(net, file) == "checkpoint weights from last.ckpt: trunk (26 tensors), head (4 tensors)"
    assert_close(net(images).embedding, baseline(images))


def test_its_own_checkpoint_is_loaded_whole_or_by_parts(tmp_path: Path) -> None:
    source, net, whole = shared(), shared(), shared()
    file = checkpoint(source, tmp_path)
    load_network_weights(whole, file)
    assert_close(whole.state_dict(), source.state_dict())
    assert load_segmenter_weights(net, file) == "checkpoint weights from last.ckpt: decoder (16 tensors)"
    assert_close(net.decoder.state_dict(), source.decoder.state_dict())


def test_a_module_says_that_its_decoder_was_loaded(tmp_path: Path) -> None:
    module = SOIDNModule(shared(), 3, segmenter_weights=str(checkpoint(shared(), tmp_path)))
    assert module.origin.endswith("; checkpoint weights from last.ckpt: decoder (16 tensors)")


@pytest.mark.parametrize("other", [FCN8s(0.125), SOIDN(VGG16Trunk(0.125), FCN8s(0.125), head, 32)], ids=["OS", "SOIDN"])
def test_refuses_a_segmenter_of_another_kind(other: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Expected a decoder's weights, got network\."):
        load_segmenter_weights(shared(), checkpoint(other, tmp_path))


def test_refuses_a_checkpoint_of_a_paper_s_soidn_as_a_whole(tmp_path: Path) -> None:
    file = checkpoint(SOIDN(VGG16Trunk(0.125), FCN8s(0.125), head, 32), tmp_path)
    with pytest.raises(ValueError, match=r"Expected `network\.adaptors\.0\.convolution\.weight`|no such weight"):
        load_network_weights(shared(), file)

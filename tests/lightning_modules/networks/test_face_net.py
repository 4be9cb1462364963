"""Face network: head of trunk, built by a dry run that leaves no trace."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from lightning_modules.networks import FaceNet, PooledHead, VGG16Head, VGG16Trunk
from lightning_modules.networks.dry_run import feature_shape


def test_is_head_of_trunk() -> None:
    net = FaceNet(VGG16Trunk(0.125), partial(PooledHead, embedding_dim=16), 32).eval()
    x = torch.randn(2, 3, 32, 32)
    assert_close(net(x), net.head(net.trunk(x)))
    assert (net.embedding_dim, net.feature_shape) == (16, (64, 2, 2))


def test_paper_size() -> None:
    with torch.device("meta"):
        net = FaceNet(VGG16Trunk(), VGG16Head, 224)
    assert (net.embedding_dim, net.feature_shape) == (4096, (512, 14, 14))


def test_dry_run_leaves_modes_and_statistics_alone() -> None:
    trunk = VGG16Trunk(0.125, batch_norm=True)
    trunk.stages[0].eval()
    before = {name: t.clone() for name, t in trunk.state_dict().items()}
    FaceNet(trunk, PooledHead, 32)
    assert [stage.training for stage in trunk.stages] == [False, True, True, True, True]
    assert_close(trunk.state_dict(), before)


def test_grey_images() -> None:
    net = FaceNet(VGG16Trunk(0.125, in_channels=1), PooledHead, 32, in_channels=1).eval()
    assert net(torch.zeros(1, 1, 32, 32)).shape == (1, 256)


def test_refuses_a_head_of_maps() -> None:
    def head(_shape: tuple[int, int, int]) -> nn.Module:
        return nn.Identity()

    with pytest.raises(ValueError, match=r"head whose output is \(B, D\), got \(1, 64, 2, 2\)"):
        FaceNet(VGG16Trunk(0.125), head, 32)


def test_refuses_a_trunk_of_vectors() -> None:
    with pytest.raises(ValueError, match=r"feature map of shape \(B, C, H, W\), got \(1, 3072\)"):
        FaceNet(nn.Flatten(), PooledHead, 32)


def test_refuses_maps_without_batch() -> None:
    with pytest.raises(ValueError, match="feature map"):
        feature_shape(Tensor(3, 4, 4))


def test_an_image_of_which_the_trunk_leaves_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected `image_size` large enough for the trunk, got 7"):
        FaceNet(VGG16Trunk(width=0.125), PooledHead, image_size=7)

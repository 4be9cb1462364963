"""VGG16's trunk: the published sizes and parameter counts."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from lightning_modules.networks import Trunk, VGG16Trunk
from lightning_modules.networks.trunk import trunk_stages


def test_published_sizes_at_224() -> None:
    with torch.device("meta"):
        trunk = VGG16Trunk()
        shapes = [tuple(f.shape[1:]) for f in trunk.features(torch.zeros(1, 3, 224, 224))]
    assert shapes == [(64, 224, 224), (128, 112, 112), (256, 56, 56), (512, 28, 28), (512, 14, 14)]


def test_published_parameter_count() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in VGG16Trunk().parameters()) == 14_714_688


@pytest.mark.parametrize("batch_norm", [False, True])
def test_thirteen_convolutions_named_as_in_the_paper(batch_norm: bool) -> None:
    trunk = VGG16Trunk(0.125, batch_norm)
    names = [n.rpartition(".")[2] for n, m in trunk.named_modules() if isinstance(m, nn.Conv2d)]
    assert names == [f"conv{k}_{i}" for k, depth in enumerate((2, 2, 3, 3, 3), 1) for i in range(1, depth + 1)]
    assert sum(isinstance(m, nn.BatchNorm2d) for m in trunk.modules()) == 13 * batch_norm


def test_output_is_conv5_3_after_its_relu_and_before_the_pool() -> None:
    trunk, x = VGG16Trunk(0.125), torch.randn(1, 3, 32, 32)
    conv5_3 = trunk.get_submodule("stages.4.conv5_3")
    seen: list[torch.Tensor] = []
    conv5_3.register_forward_hook(lambda _module, _inputs, output: seen.append(output.clone()))
    assert_close(trunk(x), seen[0].relu())


def test_forward_is_the_last_of_the_features() -> None:
    trunk, x = VGG16Trunk(0.125).eval(), torch.randn(2, 3, 33, 47)
    features = trunk.features(x)
    assert_close(trunk(x), features[-1])
    assert [tuple(f.shape[2:]) for f in features] == [(33, 47), (16, 23), (8, 11), (4, 5), (2, 2)]


def test_signal_neither_dies_nor_explodes() -> None:
    features = VGG16Trunk(0.5)(torch.randn(2, 3, 32, 32))
    assert 0.1 < features.square().mean().sqrt() < 10


def test_grey_images() -> None:
    assert VGG16Trunk(0.125, in_channels=1)(torch.zeros(1, 1, 32, 32)).shape == (1, 64, 2, 2)


@pytest.mark.parametrize("width", [0.0, -1.0])
def test_refuses_width(width: float) -> None:
    with pytest.raises(ValueError, match="`width` above 0"):
        VGG16Trunk(width)


def test_fewer_convolutions_keep_the_shape() -> None:
    deep, shallow = (
        VGG16Trunk(0.125, convolutions=number).features(torch.zeros(1, 3, 32, 32))
        for number in ((2, 2, 3, 3, 3), (1, 1, 1, 1, 1))
    )
    assert [f.shape for f in deep] == [f.shape for f in shallow]


@pytest.mark.parametrize("convolutions", [(1, 1, 1, 1), (2, 2, 0, 3, 3)])
def test_refuses_convolutions(convolutions: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="five positive numbers"):
        VGG16Trunk(convolutions=convolutions)


@pytest.mark.parametrize("trunk", [nn.Conv2d(3, 4, 3), Trunk([])])
def test_refuses_a_trunk_without_stages(trunk: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"trunk with `stages`, a non-empty nn\.ModuleList"):
        trunk_stages(trunk)

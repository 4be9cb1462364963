"""CASIA-Net: the published sizes and weight counts, and that the trained form and the plain one are one network."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from lightning_modules import ClassifierModule
from lightning_modules.networks import AveragePoolHead, CasiaNet, CasiaNetTrunk, FaceNet, Normalize, read_state_dict


def weights_without_biases(network: nn.Module) -> int:
    return sum(p.numel() for name, p in network.named_parameters() if name.endswith("weight"))


def test_published_sizes_at_100() -> None:
    with torch.device("meta"):
        shapes = [tuple(f.shape[1:]) for f in CasiaNetTrunk().features(torch.zeros(1, 1, 100, 100))]
    assert shapes == [(64, 100, 100), (128, 50, 50), (192, 25, 25), (256, 13, 13), (320, 7, 7)]


def test_pools_that_round_down_would_end_at_6() -> None:
    with torch.device("meta"):
        trunk = CasiaNetTrunk()
        for module in trunk.modules():
            if isinstance(module, nn.MaxPool2d):
                module.ceil_mode = False
        assert trunk(torch.zeros(1, 1, 100, 100)).shape == (1, 320, 6, 6)


def test_published_weight_counts() -> None:
    with torch.device("meta"):
        assert weights_without_biases(CasiaNetTrunk()) == 1_751_328
        assert weights_without_biases(CasiaNet(10_575)) == 5_135_328


def test_ten_convolutions_and_nine_relus_named_as_in_the_paper() -> None:
    named = [(name.rpartition(".")[2], module) for name, module in CasiaNetTrunk(0.125).named_modules()]
    layers = [f"{stage}_{i}" for stage in range(1, 6) for i in (1, 2)]
    assert [name for name, module in named if isinstance(module, nn.Conv2d)] == [f"conv{layer}" for layer in layers]
    assert [name for name, module in named if isinstance(module, nn.ReLU)] == [f"relu{layer}" for layer in layers[:-1]]
    assert not any(isinstance(module, nn.BatchNorm2d) for _, module in named)


def test_signal_neither_dies_nor_explodes() -> None:
    features = CasiaNetTrunk(0.5)(torch.randn(4, 1, 50, 50))
    assert 0.1 < features.square().mean().sqrt() < 10


def test_every_filter_starts_with_the_gain_of_he_initialisation() -> None:
    for name, weight in CasiaNetTrunk().named_parameters():
        if name.endswith("weight"):
            assert weight.flatten(1).square().sum(1).mean().item() == pytest.approx(2, rel=0.2), (
                name
            )  # fan-in · 2/fan-in
        else:
            assert not weight.any(), name


def test_output_is_conv5_2_without_a_relu() -> None:
    trunk, x = CasiaNetTrunk(0.25), torch.randn(2, 1, 50, 50)
    seen: list[torch.Tensor] = []
    trunk.get_submodule("stages.4.conv5_2").register_forward_hook(lambda _m, _i, output: seen.append(output.clone()))
    features = trunk(x)
    assert_close(features, seen[0])
    assert (features < 0).any()


def test_representation_is_the_mean_over_positions() -> None:
    net, x = CasiaNet(3, width=0.125).eval(), torch.randn(2, 1, 50, 50)
    features = net.trunk(x)  # (2, 40, 4, 4)
    assert_close(net.embed(x), features.sum((2, 3)) / 16)
    assert_close(net(x), net.classifier[1](net.embed(x)))


@pytest.mark.parametrize("size", [(50, 50), (64, 64), (112, 112), (100, 80)])
def test_takes_images_of_any_size(size: tuple[int, int]) -> None:
    net = CasiaNet(7).eval()
    x = torch.randn(2, 1, *size)
    assert (net(x).shape, net.embed(x).shape, net.embedding_dim) == ((2, 7), (2, 320), 320)


def test_colour_images() -> None:
    assert CasiaNet(7, in_channels=3, width=0.125).eval()(torch.zeros(1, 3, 50, 50)).shape == (1, 7)


def test_dropout_acts_before_the_classifier_in_training_only() -> None:
    net, x = CasiaNet(7, width=0.125, dropout=0.5), torch.randn(1, 1, 50, 50)
    assert not torch.equal(net(x), net(x))
    assert torch.equal(net.eval()(x), net(x))


@pytest.mark.parametrize("width", [0.0, -1.0])
def test_refuses_width(width: float) -> None:
    with pytest.raises(ValueError, match="`width` above 0"):
        CasiaNetTrunk(width)


def test_a_checkpoint_of_the_trained_form_gives_the_same_scores(tmp_path: Path) -> None:
    trained = ClassifierModule(
        FaceNet(CasiaNetTrunk(0.125), AveragePoolHead, image_size=50, in_channels=1),
        7,
        dropout=0.4,
        normalize=Normalize(grey=True),
    ).eval()
    torch.save({"state_dict": trained.state_dict()}, tmp_path / "last.ckpt")
    state = read_state_dict(tmp_path / "last.ckpt")
    net = CasiaNet(7, width=0.125).eval()
    net.load_state_dict({n.removeprefix("network."): t for n, t in state.items() if not n.startswith("normalize.")})
    images = torch.randint(256, (2, 3, 50, 50), dtype=torch.uint8)
    assert torch.equal(net(trained.normalize(images)), trained.classifier(trained(images)))

"""IResNet: agrees with a reference written from the paper; published sizes, parameters and names."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn
from torch.testing import assert_close

from lightning_modules.networks import SOIDN, FaceNet, FCN8s, IResNetHead, IResNetTrunk, unused_parameters
from lightning_modules.networks.iresnet import UNITS

Weights = Mapping[str, Tensor]


def small(depth: int = 18, *, side: int = 32, **settings: object) -> FaceNet:
    trunk = IResNetTrunk(depth, width=0.125, **settings)  # type: ignore[arg-type]  # of the constructor
    return FaceNet(trunk, partial(IResNetHead, embedding_dim=16), side)


def lively(network: nn.Module) -> nn.Module:
    """Draw what starts at 0 or 1, so that every weight counts."""
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and "conv" not in name:
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    return network


def names(depth: int, channels: tuple[int, ...]) -> Iterator[tuple[str, int, int, int]]:
    """Yield (name, channels before, channels after, stride) of each unit in the paper's order."""
    for stage, units in enumerate(UNITS[depth], start=1):
        for unit in range(units):
            first = unit == 0
            yield (
                f"trunk.stages.{stage}.layer{stage}.{unit}",
                channels[stage - first],
                channels[stage],
                2 if first else 1,
            )


def normalised(x: Tensor, weights: Weights, name: str) -> Tensor:
    """Batch normalisation in evaluation, spelt out."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    scale = weights[f"{name}.weight"] / (weights[f"{name}.running_var"] + 1e-5).sqrt()
    return (x - weights[f"{name}.running_mean"].view(shape)) * scale.view(shape) + weights[f"{name}.bias"].view(shape)


def convolved(x: Tensor, kernel: Tensor, stride: int) -> Tensor:
    """A convolution without bias as a product of matrices, with the edge padded by half the kernel."""
    side = kernel.shape[2]
    patches = F.unfold(x, side, padding=side // 2, stride=stride)  # (B, C·k·k, L)
    height = (x.shape[2] + 2 * (side // 2) - side) // stride + 1
    return (kernel.flatten(1) @ patches).reshape(len(x), len(kernel), height, -1)


def activated(x: Tensor, weights: Weights, name: str) -> Tensor:
    slope = weights[f"{name}.weight"].view(1, -1, 1, 1)
    return torch.where(x > 0, x, slope * x)


def unit(x: Tensor, w: Weights, name: str, stride: int, subsampling: bool) -> Tensor:
    """BN-Conv-BN-PReLU-Conv-BN and a shortcut (Deng et al. 2019, section 3.2.2)."""
    y = convolved(normalised(x, w, f"{name}.bn1"), w[f"{name}.conv1.weight"], 1)
    y = activated(normalised(y, w, f"{name}.bn2"), w, f"{name}.prelu")
    y = normalised(convolved(y, w[f"{name}.conv2.weight"], stride), w, f"{name}.bn3")
    if f"{name}.downsample.0.weight" in w:
        x = normalised(convolved(x, w[f"{name}.downsample.0.weight"], stride), w, f"{name}.downsample.1")
    elif subsampling and stride == 2:
        x = x[:, :, ::2, ::2]
    return y + x


def reference(x: Tensor, w: Weights, depth: int, subsampling: bool = False) -> Tensor:
    """The whole network, from normalised images to embeddings (sections 3.1 and 3.2.2)."""
    x = convolved(x, w["trunk.stages.0.conv1.weight"], 1)
    x = activated(normalised(x, w, "trunk.stages.0.bn1"), w, "trunk.stages.0.prelu")
    for name, _, _, stride in names(depth, (0,) * 5):
        x = unit(x, w, name, stride, subsampling)
    x = normalised(x, w, "head.bn2").flatten(1)
    return normalised(x @ w["head.fc.weight"].T + w["head.fc.bias"], w, "head.features")


@pytest.mark.parametrize("depth", [18, 34, 50, 100])
@pytest.mark.parametrize("shortcut", ["projection", "subsampling"])
def test_agrees_with_a_reference_written_from_the_paper(depth: int, shortcut: str) -> None:
    network = lively(small(depth, first_shortcut=shortcut)).double().eval()
    images = torch.randn(2, 3, 32, 32, dtype=torch.double)
    expected = reference(images, network.state_dict(), depth, shortcut == "subsampling")
    assert_close(network(images), expected, rtol=1e-5, atol=1e-5 * float(expected.detach().abs().max()))


def counted(depth: int) -> int:
    """Weights of the whole network at 112 × 112, by the sizes of its layers."""
    total = 27 * 64 + 3 * 64
    for _, before, after, stride in names(depth, (64, 64, 128, 256, 512)):
        total += 2 * before + 9 * before * after + 3 * after + 9 * after * after + 2 * after
        total += (before * after + 2 * after) if stride == 2 else 0
    return total + 2 * 512 + 512 * 49 * 512 + 512 + 2 * 512


@pytest.mark.parametrize(("depth", "millions"), [(18, 24.03), (34, 34.14), (50, 43.59), (100, 65.16), (200, None)])
def test_published_parameters_and_sizes(depth: int, millions: float | None) -> None:
    with torch.device("meta"):
        trunk = IResNetTrunk(depth)
        network = FaceNet(trunk, IResNetHead, 112)
        shapes = [tuple(f.shape[1:]) for f in trunk.features(torch.zeros(1, 3, 112, 112))]
        assert network(torch.zeros(3, 3, 112, 112)).shape == (3, 512)
    number = sum(p.numel() for p in network.parameters())
    assert shapes == [(64, 112, 112), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]
    assert number == counted(depth)
    assert millions is None or round(number / 1e6, 2) == millions
    layers = sum(isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3) for m in network.modules())
    assert layers + 1 == (198 if depth == 200 else depth)  # with the linear layer; arcface_torch's 200 has 98 units


def test_gradients_reach_every_weight_that_is_trained() -> None:
    network = small()
    assert unused_parameters(network, lambda: network(torch.zeros(2, 3, 32, 32))) == []
    network(torch.randn(4, 3, 32, 32)).square().sum().backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None]
    assert silent == ["head.features.weight"]  # stays 1, as the paper's authors have it


@pytest.mark.parametrize("depth", [100, 200])
def test_an_untrained_network_can_be_validated(depth: int) -> None:
    network = small(depth).eval()
    assert network(torch.randn(2, 3, 32, 32)).isfinite().all()


def test_an_embedding_does_not_depend_on_the_rest_of_the_batch() -> None:
    network, images = lively(small()).eval(), torch.randn(3, 3, 32, 32)
    assert_close(network(images)[1:2], network(images[1:2]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("positions", ["top", [0, 1, 2, 3, 4, 5]])
def test_masks_act_at_every_stage_of_it(positions: object) -> None:
    segmenter = FCN8s(0.125, fully_connected_dim=16)
    network = SOIDN(IResNetTrunk(18, 0.125), segmenter, partial(IResNetHead, embedding_dim=16), 64, positions)  # type: ignore[arg-type]
    output = network(torch.randn(2, 3, 64, 64))
    assert output.embedding.shape == (2, 16)
    assert [mask.shape[2] for mask in output.masks] == ([64, 64, 32, 16, 8, 4] if positions != "top" else [4])


def test_onnx_agrees_for_any_number_of_images(tmp_path: Path) -> None:
    import onnxruntime

    network, path = lively(small(side=64)).eval(), str(tmp_path / "iresnet.onnx")
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.onnx.export(
        network, (torch.randn(2, 3, 64, 64),), dynamo=True, dynamic_shapes=({0: batch},), verbose=False
    )
    assert program is not None
    program.save(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for number in (1, 7):
        images = torch.randn(number, 3, 64, 64)
        (found,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
        expected = network(images).detach().numpy()
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth": 101}, r"`depth` of 18, 34, 50, 100, 200, got 101"),
        ({"width": 0.0}, "`width` above 0, got 0.0"),
        ({"first_shortcut": "pool"}, '`first_shortcut` "projection" or "subsampling", got \'pool\''),
    ],
)
def test_refuses(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IResNetTrunk(**settings)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"embedding_dim": 0}, "`embedding_dim` of at least 1"), ({"dropout": 1.0}, r"in \[0, 1\)")],
)
def test_head_refuses(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IResNetHead((8, 2, 2), **settings)  # type: ignore[arg-type]  # that is the point

"""FCN-8s: sizes, its start as bilinear interpolation of nothing, and its escape from the constant output."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.networks import FCN8s, VGG16Trunk
from losses import segmentation_loss


def small(**settings: object) -> FCN8s:
    return FCN8s(0.125, fully_connected_kernel=3, **settings)  # type: ignore[arg-type]  # passed through


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (33, 47), (45, 37), (63, 65)])
def test_logits_have_the_images_size(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size)
    output = small()(x)
    assert output.logits.shape == (2, 2, *size)
    trunk_maps = VGG16Trunk(0.125).features(x)
    assert [f.shape for f in output.features] == [f.shape for f in trunk_maps]


def test_paper_size() -> None:
    with torch.device("meta"):
        net = FCN8s()
        logits, features = net(torch.zeros(1, 3, 224, 224))
    assert logits.shape == (1, 2, 224, 224)
    assert features[-1].shape == (1, 512, 14, 14)
    convolutions = net.fully_connected
    assert sum(p.numel() for p in convolutions.parameters()) == 102_764_544 + 16_781_312  # VGG16's fc6 and fc7


def test_starts_without_an_opinion() -> None:
    assert_close(small()(torch.randn(1, 3, 32, 32)).logits, torch.zeros(1, 2, 32, 32))


@pytest.mark.parametrize(("name", "factor"), [("upscores.to_pool4", 2), ("upscores.to_pool3", 2), ("upscore", 8)])
def test_upsampling_starts_as_bilinear_interpolation(name: str, factor: int) -> None:
    score = torch.randn(1, 2, 6, 6)
    upsampled = small().get_submodule(name)(score)
    expected = F.interpolate(score, scale_factor=factor, mode="bilinear", align_corners=False)
    inner = slice(factor, -factor)  # borders differ: zeros there, replicates in `interpolate`
    assert_close(upsampled[..., inner, inner], expected[..., inner, inner])


def test_skips_are_scaled() -> None:
    net, x = small(skip_scales=(0.5, 0.25), dropout=0.0), torch.randn(1, 3, 32, 32)
    torch.nn.init.ones_(net.get_parameter("score_pools.pool4.weight"))
    pool4 = F.max_pool2d(net.encoder.features(x)[3], 2)
    expected = net.upscore(net.upscores["to_pool3"](0.5 * pool4.sum(1, keepdim=True).expand(-1, 2, -1, -1)))
    assert_close(net(x).logits, expected)


@pytest.mark.parametrize("skips", [1, 2, 3, 4])
def test_any_number_of_skips_gives_full_resolution(skips: int) -> None:
    assert small(skip_scales=[1.0] * skips)(torch.randn(1, 3, 45, 37)).logits.shape == (1, 2, 45, 37)


@pytest.mark.parametrize("skips", [0, 5])
def test_refuses_a_number_of_skips(skips: int) -> None:
    with pytest.raises(ValueError, match="one to four `skip_scales`"):
        FCN8s(width=0.125, skip_scales=[1.0] * skips)


def squares(count: int, size: int) -> tuple[Tensor, Tensor]:
    """Noisy dark images with one brighter square each, and their label maps."""
    images, masks = 0.3 * torch.randn(count, 3, size, size) - 0.5, torch.zeros(count, size, size, dtype=torch.uint8)
    for image, mask in zip(images, masks, strict=True):
        side = int(torch.randint(size // 4, size * 5 // 8 + 1, ()))
        top, left = torch.randint(0, size - side + 1, (2,)).tolist()
        image[:, top : top + side, left : left + side] += 1.0
        mask[top : top + side, left : left + side] = 1
    return images, masks


def mean_iou(predicted: Tensor, mask: Tensor) -> float:
    ious = [((predicted == c) & (mask == c)).sum() / ((predicted == c) | (mask == c)).sum() for c in (0, 1)]
    return float(sum(ious)) / 2


def train(net: FCN8s, size: int, pixel_scale: float, lr: float, steps: int) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    for _ in range(steps):
        images, masks = squares(8, size)
        optimizer.zero_grad()
        torch.autograd.backward(segmentation_loss(net(pixel_scale * images).logits, masks))
        optimizer.step()


@pytest.mark.parametrize(
    ("net_settings", "size", "pixel_scale", "lr", "steps"),
    [
        # the paper's skip scales suit activations of images in 0-255
        pytest.param({}, 64, 127.5, 1e-3, 60, id="paper"),
        pytest.param({"skip_scales": (1.0, 1.0)}, 32, 1.0, 2e-3, 40, id="unit-range"),
        pytest.param({"skip_scales": (1.0, 1.0), "batch_norm": True}, 32, 1.0, 5e-3, 40, id="batch-norm"),
    ],
)
def test_fresh_network_escapes_the_constant_output(
    net_settings: dict[str, object], size: int, pixel_scale: float, lr: float, steps: int
) -> None:
    net = small(dropout=0.0, fully_connected_dim=64, **net_settings)
    train(net, size, pixel_scale, lr, steps)
    images, masks = squares(32, size)
    with torch.no_grad():
        predicted = net.eval()(pixel_scale * images).logits.argmax(1)
    constant = mean_iou(torch.zeros_like(masks), masks)  # about 0.4: all clean
    assert mean_iou(predicted, masks) > constant + 0.2


def test_refuses_small_images() -> None:
    with pytest.raises(ValueError, match="at least 32 × 32"):
        small()(torch.zeros(1, 3, 31, 64))


def test_refuses_even_kernels() -> None:
    with pytest.raises(ValueError, match="`fully_connected_kernel` odd, got 4"):
        FCN8s(0.125, fully_connected_kernel=4)

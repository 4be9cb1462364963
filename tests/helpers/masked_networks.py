"""What the tests of SOIDN, with a segmenter or a shared encoder, ask of a network."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.testing import assert_close

from lightning_modules.networks import FaceNet, VGG16Trunk


def has_gradient(module: nn.Module) -> bool:
    """Whether any parameter has a gradient other than 0."""
    return any(p.grad is not None and bool(p.grad.any()) for p in module.parameters())


def assert_near_baseline(
    network: Any, head: Callable[[tuple[int, int, int]], nn.Module], images: Tensor, tolerance: float
) -> None:
    """Assert that a network embeds as one of its trunk and head alone, to a share of the largest value."""
    baseline = FaceNet(VGG16Trunk(0.125), head, 32).eval()
    baseline.trunk.load_state_dict(network.trunk.state_dict())
    baseline.head.load_state_dict(network.head.state_dict())
    expected = baseline(images)
    assert_close(network(images).embedding, expected, atol=tolerance * expected.abs().max().item(), rtol=0)

"""Other ways to compute a layer give what the convolution gives, and so do their gradients."""

import pytest
import torch

from experiments.benchmarks.gpu_layers import layers

LAYERS = layers(1 / 128)


@pytest.mark.parametrize("name", LAYERS)
def test_every_way_has_the_values_and_the_gradients_of_the_first(name: str) -> None:
    torch.manual_seed(0)
    layer, results = LAYERS[name], []
    x, weight = (torch.randn(shape, dtype=torch.float64) for shape in ((2, *layer.input), layer.weight))
    x = x.to(memory_format=torch.channels_last)
    towards = None
    for compute in layer.ways.values():
        ours = x.clone().requires_grad_(), weight.clone().requires_grad_()
        out = compute(*ours)
        towards = torch.randn_like(out).detach() if towards is None else towards
        results.append((out, *torch.autograd.grad(out, ours, towards)))
    assert len(results) >= 2
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            torch.testing.assert_close(one, two)

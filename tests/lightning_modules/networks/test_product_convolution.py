"""A convolution as a product of windows: the same values, gradients and weights, and where it is used."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from lightning_modules.networks import FCN8s
from lightning_modules.networks.product_convolution import ProductConvolution, windows_product

aten = torch.ops.aten
CONVOLUTIONS = {aten.convolution.default, aten.conv2d.default}
PRODUCTS = {aten.mm.default, aten.addmm.default, aten.linear.default}


class Called(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Keeps the operations that are called."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.operations = set[Any]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations.add(func)
        return func(*args, **(kwargs or {}))


def is_convolution(operations: set[Any]) -> bool:
    """Whether there was a convolution, or else a product."""
    convolved, multiplied = (not operations.isdisjoint(kind) for kind in (CONVOLUTIONS, PRODUCTS))
    assert convolved != multiplied
    return convolved


def faked(kernel: int, dtype: torch.dtype) -> tuple[ProductConvolution, Tensor]:
    """Return a layer and maps on a device that need not be there."""
    layer = ProductConvolution(4, 5, kernel)
    layer.weight, layer.bias = (nn.Parameter(weight.to(dtype)) for weight in layer.parameters())
    return layer, torch.zeros(2, 4, 7, 7, dtype=dtype)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("kernel", "size"), [(1, (2, 3)), (3, (1, 1)), (3, (4, 6)), (7, (7, 7)), (7, (2, 9))])
def test_values_and_gradients_are_the_convolutions(
    kernel: int, size: tuple[int, int], layout: torch.memory_format
) -> None:
    shapes = (3, 4, *size), (5, 4, kernel, kernel)
    inputs = [torch.randn(shape, dtype=torch.double).to(memory_format=layout).requires_grad_() for shape in shapes]
    inputs.append(torch.randn(5, dtype=torch.double, requires_grad=True))
    ways: list[Callable[..., Tensor]] = [lambda x, w, b: F.conv2d(x, w, b, padding="same"), windows_product]
    expected, found = (way(*inputs) for way in ways)
    assert_close(found, expected)
    towards = torch.randn_like(expected)
    gradients = (torch.autograd.grad(value, inputs, towards) for value in (found, expected))
    for ours, theirs in zip(*gradients, strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("device", "dtype", "kernel", "convolved"),
    [
        ("cuda", torch.bfloat16, 7, False),
        ("cuda", torch.float16, 3, False),
        ("cuda", torch.bfloat16, 1, True),
        ("cuda", torch.float32, 7, True),
        ("cpu", torch.bfloat16, 7, True),
    ],
)
def test_products_are_for_half_precision_on_a_gpu(
    device: str, dtype: torch.dtype, kernel: int, convolved: bool
) -> None:
    with FakeTensorMode(), torch.device(device):
        layer, x = faked(kernel, dtype)
        with Called() as called:
            out = layer(x)
    assert out.shape == (2, 5, 7, 7)
    assert is_convolution(called.operations) == convolved


def test_what_is_exported_is_a_convolution_wherever_it_lies() -> None:
    with FakeTensorMode(), torch.device("cuda"):
        layer, x = faked(7, torch.bfloat16)
        exported = torch.export.export(layer, (x,), strict=False).run_decompositions({})
    assert is_convolution({node.target for node in exported.graph.nodes})


def test_what_is_compiled_is_a_convolution_wherever_it_lies() -> None:
    found = set[Any]()

    def backend(module: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        found.update(node.target for node in module.graph.nodes)
        return module.forward

    with FakeTensorMode(), torch.device("cuda"):
        layer, x = faked(7, torch.bfloat16)
        torch.compile(layer, backend=backend)(x)
    assert torch.conv2d in found


def test_weights_are_a_convolutions() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(4, 5, 7, padding=3)
    torch.manual_seed(0)
    ours = ProductConvolution(4, 5, 7).state_dict()
    assert list(ours) == ["weight", "bias"]
    assert_close(ours, dict(convolution.state_dict()), rtol=0, atol=0)


def test_names_in_checkpoints_are_what_they_were() -> None:
    names = FCN8s(0.125, fully_connected_kernel=3).fully_connected.state_dict()
    assert list(names) == ["1.weight", "1.bias", "4.weight", "4.bias"]


def test_refuses_even_kernels() -> None:
    with pytest.raises(ValueError, match="`kernel_size` odd, got 4"):
        ProductConvolution(2, 2, 4)

"""Tracing: the graph gives the network's values, however it is rewritten and wherever it is cut."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.nn.functional import conv2d
from torch.testing import assert_close

from callbacks.occlusion_sensitivity.averaged_convolution import averaged_convolution
from callbacks.occlusion_sensitivity.trace import arguments, aten, between, inputs_of, is_batch_size, shape_of, trace
from tests.callbacks.occlusion_sensitivity.networks import NETWORKS, Reused, head, sample, sample_of


def targets(module: fx.GraphModule) -> list[Callable[..., object]]:
    return [node.target for node in module.graph.nodes if node.op == "call_function"]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_traced_network_and_any_two_halves_of_it_give_its_logits_for_any_number_of_images(name: str) -> None:
    network, images, _ = sample(name)
    module = trace(network, images)
    source, *middle = [
        n for n in module.graph.nodes if n.op == "placeholder" or (inputs_of(n) and not is_batch_size(n))
    ]
    output = next(node for node in module.graph.nodes if node.op == "output").args[0][0]
    cuts = [
        [n for n in [source, *middle[:at]] if any(user in [*middle[at:], output] for user in n.users)]
        for at in range(1, len(middle) - 1, 3)
    ]
    with torch.no_grad():
        for number in (1, 2, 5):
            x = torch.randn(number, *NETWORKS[name][1])
            expected = network(x)
            (found,) = between(module, [source], [output])(x)
            assert_close(found, expected, atol=1e-5, rtol=1e-4)
            assert_close(module(x), expected, atol=1e-5, rtol=1e-4)
        for cut in cuts:
            halves = between(module, [source], cut), between(module, cut, [output])
            assert_close(halves[1](*halves[0](x))[0], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["CASIA-Net", "SOIDN's trunk", "ResNet-like", "DenseNet-like", "maps used again"])
def test_a_network_on_a_gpu_is_traced_as_on_a_cpu(name: str) -> None:
    make, size = NETWORKS[name]
    traced = []
    for device in ("cpu", "cuda"):
        with FakeTensorMode(shape_env=ShapeEnv()), torch.device(device):  # values are not computed: no GPU is needed
            traced.append(targets(trace(make().eval(), torch.zeros(2, *size))))
    assert traced[0] == traced[1]
    assert traced[0]


def test_weights_are_shared() -> None:
    network, images, _ = sample("VGG-like")
    ours = {p.data_ptr() for p in trace(network, images).parameters()}
    assert {p.data_ptr() for p in network.parameters()} <= ours


def test_a_relu_before_a_max_pooling_comes_after_it() -> None:
    layers = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1, ceil_mode=True), *head(3))
    network, images, _ = sample_of(layers, (1, 12, 13))
    module = trace(network, images)
    order = targets(module)
    assert order.index(aten.max_pool2d.default) < order.index(aten.relu.default)
    with torch.no_grad():
        assert_close(module(images), network(images))


def test_a_relu_that_others_use_stays_before_its_pooling() -> None:
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x.relu()
            return torch.cat([nn.functional.max_pool2d(y, 3, 1, 1), y], 1)

    network, images, _ = sample_of(nn.Sequential(nn.Conv2d(1, 3, 3), Branch(), *head(6)), (1, 12, 13))
    module = trace(network, images)
    pool = next(node for node in module.graph.nodes if node.target is aten.max_pool2d.default)
    assert inputs_of(pool)[0].target is aten.relu.default
    with torch.no_grad():
        assert_close(module(images), network(images))


def test_dropout_and_copies_leave_no_trace() -> None:
    layers = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Dropout2d(0.5), nn.Dropout(0.5), nn.Identity(), *head(3))
    network, images, _ = sample_of(layers, (1, 8, 8))
    module = trace(network, images)
    names = {str(target) for target in targets(module)}
    assert not any("dropout" in name or "alias" in name or "detach" in name for name in names)
    with torch.no_grad():
        assert torch.equal(module(images), network(images))


def test_batch_norm_has_one_result_and_its_running_statistics() -> None:
    layers = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False), *head(3))
    network, images, _ = sample_of(layers, (1, 8, 8))
    module = trace(network, images)
    assert targets(module).count(aten.batch_norm.default) == 2
    with torch.no_grad():
        assert_close(module(images), network(images))


class MeanOfConvolution(nn.Module):
    """A convolution whose mean alone is used, written as people write it."""

    def __init__(self, mean: Callable[[Tensor], Tensor], groups: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(4, 4, (3, 2), (2, 1), (1, 2), (1, 2), groups=groups)
        self.mean = mean

    def forward(self, x: Tensor) -> Tensor:
        return self.mean(self.convolution(x)).flatten(1)


@pytest.mark.parametrize(
    "mean",
    [
        nn.AdaptiveAvgPool2d(1),
        nn.AdaptiveAvgPool2d((1, 1)),
        lambda x: x.mean((2, 3)),
        lambda x: x.mean((-1, -2)),
        lambda x: x.mean((3, 2), keepdim=True),
    ],
)
def test_a_convolution_of_which_only_the_mean_is_used_is_not_computed(mean: Callable[[Tensor], Tensor]) -> None:
    network, images, _ = sample_of(MeanOfConvolution(mean), (4, 9, 8))
    module = trace(network, images)
    assert averaged_convolution in targets(module)
    assert aten.conv2d.default not in targets(module)
    with torch.no_grad():
        assert_close(module(images), network(images))


@pytest.mark.parametrize(
    "network",
    [
        MeanOfConvolution(nn.AdaptiveAvgPool2d(1), groups=2),
        MeanOfConvolution(nn.AdaptiveAvgPool2d((1, 2))),
        MeanOfConvolution(lambda x: x.mean((1, 2))),
        MeanOfConvolution(lambda x: x.mean((2, 3)) + x.amax((2, 3))),
        MeanOfConvolution(lambda x: x.mean(3)),
    ],
    ids=["groups", "two places", "channels", "used twice", "columns"],
)
def test_other_means_keep_their_convolution(network: nn.Module) -> None:
    network, images, _ = sample_of(network, (4, 9, 8))
    module = trace(network, images)
    assert aten.conv2d.default in targets(module)
    with torch.no_grad():
        assert_close(module(images), network(images))


def test_standardised_weights_are_computed_once() -> None:
    class Standardised(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            weight = (self.weight - self.weight.mean((1, 2, 3), keepdim=True)) / self.weight.std(
                (1, 2, 3), keepdim=True
            )
            return conv2d(x, weight, self.bias)

    network, images, _ = sample_of(nn.Sequential(Standardised(1, 3, 3), *head(3)), (1, 8, 8))
    module = trace(network, images)
    assert [t for t in targets(module) if t is not aten.sym_size.int][:2] == [aten.conv2d.default, aten.relu.default]
    with torch.no_grad():
        assert_close(module(images), network(images))


def test_arguments_have_names_defaults_and_weights() -> None:
    network, images, _ = sample_of(nn.Sequential(nn.Conv2d(1, 3, 3, stride=2, bias=False), *head(3)), (1, 8, 9))
    module = trace(network, images)
    node = next(n for n in module.graph.nodes if n.target is aten.conv2d.default)
    given = arguments(module, node)
    assert given["stride"] == [2, 2]
    assert (given["groups"], given["bias"], given["dilation"]) in [(1, None, 1), (1, None, [1, 1])]
    assert torch.equal(given["weight"], network[0].weight)  # type: ignore[index]  # a Sequential
    assert shape_of(node) == (3, 3, 4)
    assert [n.op for n in inputs_of(node)] == ["placeholder"]


def test_a_map_used_twice_by_one_operation_is_one_input() -> None:
    network, images, _ = sample_of(nn.Sequential(Reused(), *head(6)), (1, 9, 9))
    doubled = [n for n in trace(network, images).graph.nodes if n.target is aten.add.Tensor and n.args[0] is n.args[1]]
    assert [len(inputs_of(node)) for node in doubled] == [1]


def test_control_flow_on_values_cannot_be_traced() -> None:
    class Choice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1) if bool(x.sum() > 0) else -x.flatten(1)

    with pytest.raises(Exception, match="data-dependent"):
        trace(Choice().eval(), torch.ones(2, 1, 3, 3))


def test_a_mean_of_another_type_keeps_it() -> None:
    network, images, _ = sample_of(MeanOfConvolution(lambda x: x.mean((2, 3), dtype=torch.float64).float()), (4, 9, 8))
    module = trace(network, images)
    average = next(node for node in module.graph.nodes if node.target is averaged_convolution)
    assert average.args[-1] is torch.float64
    with torch.no_grad():
        assert_close(module(images), network(images))

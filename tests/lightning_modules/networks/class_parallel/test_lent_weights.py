"""An optimizer's step on sampled classes leaves the others, and what it knows of them, as they are."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adafactor, Adam, AdamW, Optimizer

from lightning_modules.networks.class_parallel.lent_weights import Lent, lend, take_back, whole_part

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "momentum": partial(SGD, lr=0.1, momentum=0.9, weight_decay=0.01),
    "plain": partial(SGD, lr=0.1),
    "Adam": partial(Adam, lr=0.1),
    "AdamW": partial(AdamW, lr=0.1, weight_decay=0.1),
}
START = torch.arange(12.0).reshape(4, 3)


def step(optimizer: Optimizer, weight: nn.Parameter, index: list[int] | None, gradient: Tensor) -> None:
    if index is None:
        weight.grad = gradient
        lent = [whole_part(weight, 0)]
    else:
        leaf = weight.detach()[index].requires_grad_()
        leaf.grad = gradient
        lent = [Lent(weight, 0, torch.tensor(index), leaf)]
    lend(optimizer, lent)
    optimizer.step()
    take_back(optimizer, lent)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_class_is_trained_as_if_alone_by_the_steps_that_look_at_it(name: str) -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(START.clone())
    optimizer = OPTIMIZERS[name]([weight])
    alone = [nn.Parameter(row.clone()[None]) for row in START]
    of_each = [OPTIMIZERS[name]([row]) for row in alone]
    for index in ([0, 1, 2, 3], [0, 2], [2, 3], [2]):
        gradient = torch.randn(len(index), 3)
        step(optimizer, weight, index, gradient)
        for row, part in zip(index, gradient, strict=True):
            alone[row].grad = part[None]
            if name.startswith("Adam") and "step" in of_each[row].state[alone[row]]:
                # the number of steps is that of the whole weight
                of_each[row].state[alone[row]]["step"] = optimizer.state[weight]["step"] - 1
            of_each[row].step()
    torch.testing.assert_close(weight.detach(), torch.cat([row.detach() for row in alone]))
    assert optimizer.param_groups[0]["params"][0] is weight
    assert set(optimizer.state) <= {weight}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_lending_all_of_a_weight_is_the_optimizers_own_step(name: str) -> None:
    torch.manual_seed(0)
    lent, own = nn.Parameter(START.clone()), nn.Parameter(START.clone())
    optimizers = [OPTIMIZERS[name]([weight]) for weight in (lent, own)]
    for _ in range(3):
        gradient = torch.randn(4, 3)
        step(optimizers[0], lent, None, gradient.clone())
        own.grad = gradient
        optimizers[1].step()
    assert torch.equal(lent, own)
    for key, value in optimizers[1].state[own].items():
        assert value is None or torch.equal(optimizers[0].state[lent][key], value)


def test_state_that_no_single_weight_has_is_refused() -> None:
    weight = nn.Parameter(START.clone())
    with pytest.raises(ValueError, match=r"Expected an optimizer with a state for each weight, .* got one of"):
        step(Adafactor([weight]), weight, None, torch.ones(4, 3))

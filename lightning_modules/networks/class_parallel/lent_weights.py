"""What an optimizer steps on in place of a sharded or sampled weight, so that it sees plain tensors alone."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer

from lightning_modules.networks.class_parallel.class_shard import as_part_of, local


class Lent(NamedTuple):
    """A weight, and what stands in for it during one step.

    Args:
        weight: A parameter of the optimizer.
        dim: The dimension that counts classes.
        chosen: ``(k,)``: the classes that were sampled; ``None`` is all of this process.
        stand_in: The weights of these classes, with their gradient.
    """

    weight: nn.Parameter
    dim: int
    chosen: Tensor | None
    stand_in: Tensor


def whole_part(weight: nn.Parameter, dim: int) -> Lent:
    """Lend all that this process has of a weight: the same memory."""
    stand_in = local(weight).detach().requires_grad_()
    stand_in.grad = None if weight.grad is None else local(weight.grad)
    return Lent(weight, dim, None, stand_in)


def lend(optimizer: Optimizer, lent: list[Lent]) -> None:
    """Let an optimizer step on what stands in for its parameters, with their state of these classes.

    What other classes have, weights, momentum and the like, is not touched by the step.
    """
    for one, group, place in _places(optimizer, [each.weight for each in lent], lent):
        group["params"][place] = one.stand_in
        if one.weight in optimizer.state:
            state = optimizer.state[one.weight]
            optimizer.state[one.stand_in] = {name: _taken(one, value) for name, value in state.items()}


def take_back(optimizer: Optimizer, lent: list[Lent]) -> None:
    """Put parameters and state back, as the step has left them.

    Raises:
        ValueError: If the optimizer's state has no value for each weight: it could not be shared out over processes.
    """
    for one, group, place in _places(optimizer, [each.stand_in for each in lent], lent):
        group["params"][place] = one.weight
        state, before = optimizer.state.pop(one.stand_in, {}), optimizer.state.get(one.weight, {})
        if one.chosen is not None:
            local(one.weight).detach().index_copy_(one.dim, one.chosen, one.stand_in.detach())
        if state:
            optimizer.state[one.weight] = {name: _put(one, value, before.get(name)) for name, value in state.items()}


def clip_by_norm(optimizer: Optimizer, lent: list[Lent], most: float, mesh: DeviceMesh) -> None:
    """Scale all gradients so that their norm, over those of all processes, is at most ``most``.

    Args:
        optimizer: To which weights are lent; of its others all processes have the same gradient.
        lent: The weights whose gradients are this process's own.
        most: The largest norm.
        mesh: The processes.
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    own = {id(one.stand_in) for one in lent}
    shared = [weight.grad for weight in weights if weight.grad is not None and id(weight) not in own]
    squared = get_total_norm([one.stand_in.grad for one in lent if one.stand_in.grad is not None]).square()
    dist.all_reduce(squared, group=mesh.get_group())
    clip_grads_with_norm_(weights, most, (get_total_norm(shared).square() + squared).sqrt())


def _places(
    optimizer: Optimizer, tensors: list[nn.Parameter] | list[Tensor], lent: list[Lent]
) -> Iterator[tuple[Lent, dict[str, list[Tensor]], int]]:
    found = {id(tensor): one for tensor, one in zip(tensors, lent, strict=True)}
    for group in optimizer.param_groups:
        for place, tensor in enumerate(group["params"]):
            if id(tensor) in found:
                yield found[id(tensor)], group, place


def _taken(one: Lent, value: object) -> object:
    if not isinstance(value, Tensor) or value.shape != one.weight.shape:
        return value
    return local(value) if one.chosen is None else local(value).index_select(one.dim, one.chosen)


def _put(one: Lent, value: object, before: object) -> object:
    if not isinstance(value, Tensor) or value.ndim == 0:
        return value
    if value.shape != one.stand_in.shape:
        expected = (
            f"Expected an optimizer with a state for each weight, {tuple(one.stand_in.shape)}, such as SGD or Adam"
        )
        raise ValueError(f"{expected}, with `class_parallel`, got one of {tuple(value.shape)}")
    if one.chosen is None:
        return as_part_of(value, one.weight)
    whole = local(before) if isinstance(before, Tensor) else torch.zeros_like(local(one.weight)).to(value.dtype)
    whole.detach().index_copy_(one.dim, one.chosen, value)
    return as_part_of(whole.detach(), one.weight)

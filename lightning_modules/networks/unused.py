"""Parameters that no output depends on: they waste memory, and several processes wait for their gradient in vain."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

from lightning_modules.networks.dry_run import evaluating

OPAQUE = "CheckpointFunctionBackward"
"""A node of the autograd graph that hides the parameters behind it."""

Outputs = Callable[[], Any]
"""Computes outputs: a tensor, or tensors in tuples, lists and mappings."""


def cut_unused(module: nn.Module, outputs: Outputs) -> list[str]:
    """Take out the submodules whose parameters no output depends on; what cannot be taken out is frozen.

    The outputs stay the same, bit for bit. A state dict that still has what is gone is loaded without it.

    Args:
        module: Is changed in place.
        outputs: Runs it on something small.

    Returns:
        Names of the tensors that are gone.

    Example:
        >>> net = nn.ModuleDict({"used": nn.Linear(2, 2), "idle": nn.Linear(2, 2)})
        >>> cut_unused(net, lambda: net["used"](torch.zeros(1, 2)))
        ['idle.weight', 'idle.bias']
        >>> net["idle"]
        Identity()
    """
    unused = unused_parameters(module, outputs)
    idle = list(_idle_submodules(module, set(unused)))
    with evaluating(module):
        before = list(tensors_in(outputs())) if idle else []
        layers = {name: module.get_submodule(name) for name in idle}
        _replace(module, dict.fromkeys(idle, nn.Identity()))
        if idle and not _gives(before, outputs):
            _replace(module, layers)
            idle = []
    gone = [f"{name}.{tensor}" for name in idle for tensor in layers[name].state_dict()]
    if gone:
        _forgive(module, gone)
    freeze(module, set(unused) - set(gone))
    return gone


def unused_parameters(module: nn.Module, outputs: Outputs) -> list[str]:
    """Return the names of parameters that are to be trained and that no output depends on.

    Args:
        module: What has the parameters; it is run in evaluation.
        outputs: Runs it on something small.

    Example:
        >>> net = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
        >>> unused_parameters(net, lambda: {"scores": net[0](torch.zeros(1, 2))})
        ['1.weight', '1.bias']
    """
    with evaluating(module), torch.enable_grad():
        reached = _reached(tensors_in(outputs()))
    if reached is None:
        return []
    return [name for name, p in module.named_parameters() if p.requires_grad and p not in reached]


def freeze(module: nn.Module, names: Iterable[str]) -> None:
    """Exclude parameters from training."""
    for name in names:
        module.get_parameter(name).requires_grad_(False)


def tensors_in(output: Any) -> Iterator[Tensor]:
    """Yield the tensors of an output, however they are nested.

    Example:
        >>> len(list(tensors_in({"a": torch.zeros(1), "b": [torch.zeros(1), (torch.zeros(1), None)]})))
        3
    """
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        yield from tensors_in(list(output.values()))
    elif isinstance(output, list | tuple):
        for part in output:
            yield from tensors_in(part)


def _reached(outputs: Iterable[Tensor]) -> set[Tensor] | None:
    """Return the leaves that outputs were computed from, or ``None`` where a node hides some."""
    found: set[Tensor] = set()
    seen: set[Node] = set()
    waiting = [output.grad_fn for output in outputs if output.grad_fn is not None]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.name() == OPAQUE:
            return None
        if isinstance(leaf := getattr(node, "variable", None), Tensor):
            found.add(leaf)
        waiting += [before for before, _ in node.next_functions if before is not None]
    return found


def _idle_submodules(module: nn.Module, unused: set[str], prefix: str = "") -> Iterator[str]:
    """Yield the names of the largest submodules that have parameters, all of them unused."""
    for name, child in module.named_children():
        own = [f"{prefix}{name}.{parameter}" for parameter, _ in child.named_parameters()]
        if own and unused.issuperset(own):
            yield f"{prefix}{name}"
        else:
            yield from _idle_submodules(child, unused, f"{prefix}{name}.")


def _replace(module: nn.Module, layers: Mapping[str, nn.Module]) -> None:
    for name, layer in layers.items():
        parent, _, attribute = name.rpartition(".")
        setattr(module.get_submodule(parent), attribute, layer)


def _gives(expected: list[Tensor], outputs: Outputs) -> bool:
    """Whether a changed module still computes the same."""
    try:
        got = list(tensors_in(outputs()))
    except Exception:  # whatever a layer raises at the shapes that an identity hands on
        return False
    return len(got) == len(expected) and all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))


def _forgive(module: nn.Module, gone: Iterable[str]) -> None:
    names = frozenset(gone)
    module.register_load_state_dict_pre_hook(partial(_forget, names))  # type: ignore[no-untyped-call]  # torch's
    module.cut_weights = names  # type: ignore[assignment]  # read by `cut_weights`


def _forget(names: Iterable[str], _: nn.Module, state: dict[str, Any], prefix: str, *__: object) -> None:
    for name in names:
        state.pop(prefix + name, None)


def cut_weights(module: nn.Module) -> set[str]:
    """Return the names of all tensors that :func:`cut_unused` has taken out of a module or its submodules.

    Example:
        >>> net = nn.ModuleDict({"used": nn.Linear(2, 2), "idle": nn.Linear(2, 2, bias=False)})
        >>> _ = cut_unused(net, lambda: net["used"](torch.zeros(1, 2)))
        >>> cut_weights(nn.Sequential(net))
        {'0.idle.weight'}
    """
    return {
        f"{name}.{gone}".removeprefix(".")
        for name, part in module.named_modules()
        for gone in getattr(part, "cut_weights", ())
    }


def parts_of(network: nn.Module, names: Iterable[str]) -> list[str]:
    """Return the largest submodules whose parameters are all among those named, and the parameters that are left.

    Example:
        >>> parts_of(nn.Sequential(nn.Sequential(nn.Linear(2, 2)), nn.Linear(2, 2)), ["0.0.weight", "0.0.bias"])
        ['0']
    """
    left, parts = set(names), []
    for name, part in network.named_modules():
        own = {f"{name}.{parameter}".removeprefix(".") for parameter, _ in part.named_parameters()}
        if name and own and own <= left:
            parts.append(name)
            left -= own
    return parts + sorted(left)

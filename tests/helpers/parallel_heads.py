"""A network with a classifier, trained as a whole and with its classes over processes: loss, accuracy, gradients."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor.parallel import loss_parallel

from lightning_modules.networks import ArcFaceHead, Classifier, CosFaceHead, MarginHead, is_best
from lightning_modules.networks.class_parallel import ParallelSoftmax
from lightning_modules.networks.class_parallel.class_layer import class_dims

HEADS: dict[str, Callable[[int, int], Any] | None] = {
    "linear": None,
    "arcface": partial(ArcFaceHead, margin=28.6, scale=16.0),
    "cosface": partial(CosFaceHead, margin=0.35, scale=16.0),
}
FACES = 6
DIM = 5


def network_and_classifier(head: str, num_classes: int, dtype: torch.dtype) -> tuple[nn.Module, Classifier]:
    torch.manual_seed(3)
    classifier = Classifier(DIM, num_classes, margin_head=HEADS[head])
    return nn.Linear(4, DIM).to(dtype), classifier.to(dtype)


def batch(num_classes: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return that of all processes."""
    generator = torch.Generator().manual_seed(5)
    identities = torch.randint(num_classes, (FACES,), generator=generator)
    identities[1] = identities[0]
    return torch.randn(FACES, 4, generator=generator).to(dtype), identities


def as_a_whole(head: str, num_classes: int, dtype: torch.dtype, classes: Tensor | None = None) -> dict[str, Tensor]:
    """Return the same of one process; with ``classes``, of a classifier of these alone."""
    network, classifier = network_and_classifier(head, num_classes, dtype)
    images, identities = batch(num_classes, dtype)
    if classes is not None:
        for name, dim in class_dims(classifier[1]).items():
            weight = classifier[1].get_parameter(name)
            weight.data = weight.data.index_select(dim, classes)
        if isinstance(classifier[1], MarginHead):
            classifier[1].margin_loss.num_classes = len(classes)
        identities = (identities[:, None] == classes).nonzero()[:, 1]
    scores, loss = classifier.scores_and_loss(network(images), identities, nn.CrossEntropyLoss())
    torch.autograd.backward(loss)
    return {"loss": loss.detach(), "correct": is_best(scores, identities), **gradients(network, classifier)}


def over_processes(head: str, num_classes: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return the same of this process's share of the batch, gradients averaged as DDP does, shards put together."""
    processes, rank = distributed.get_world_size(), distributed.get_rank()
    network, classifier = network_and_classifier(head, num_classes, dtype)
    softmax = ParallelSoftmax(classifier[1], mesh=init_device_mesh("cpu", (processes,)))
    images, identities = (part.chunk(processes)[rank] for part in batch(num_classes, dtype))
    found = softmax(network(images), identities)
    with loss_parallel():
        torch.autograd.backward(found.loss)
    for weight in network.parameters():
        weight.grad = averaged(weight)
    correct = [torch.empty_like(found.correct) for _ in range(processes)]
    distributed.all_gather(correct, found.correct)
    return {"loss": found.loss.detach(), "correct": torch.cat(correct), **gradients(network, classifier)}


def sampled_over_processes(
    head: str, num_classes: int, dtype: torch.dtype, rate: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the classes that were sampled, and the same as of all classes, with the gradients of these."""
    processes, rank = distributed.get_world_size(), distributed.get_rank()
    network, classifier = network_and_classifier(head, num_classes, dtype)
    mesh = init_device_mesh("cpu", (processes,))
    softmax = ParallelSoftmax(classifier[1], sampling_rate=rate, mesh=mesh)
    images, identities = (part.chunk(processes)[rank] for part in batch(num_classes, dtype))
    found = softmax(network(images), identities, torch.Generator().manual_seed(rank))
    with loss_parallel():
        torch.autograd.backward(found.loss)
    assert softmax.taken is not None
    own = softmax.taken.chosen + softmax.shard.start, {n: t.grad for n, t in softmax.taken.weights.items()}
    parts: list[Any] = [None] * processes
    distributed.all_gather_object(parts, own)
    of_network = {name: averaged(weight) for name, weight in network.named_parameters()}
    of_classes = {f"1.{name}": torch.cat([part[name] for _, part in parts], dim) for name, dim in softmax.dims.items()}
    return torch.cat([index for index, _ in parts]), {"loss": found.loss.detach(), **of_network, **of_classes}


def averaged(weight: Any) -> Tensor:
    """Return a gradient as DDP leaves it."""
    distributed.all_reduce(weight.grad)
    gradient: Tensor = weight.grad / distributed.get_world_size()
    return gradient


def gradients(*modules: nn.Module) -> dict[str, Tensor]:
    named: Iterable[tuple[str, Any]] = (pair for module in modules for pair in module.named_parameters())
    return {name: getattr(weight.grad, "full_tensor", lambda g=weight.grad: g)() for name, weight in named}

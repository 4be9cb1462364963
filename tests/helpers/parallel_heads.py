"""A network with a classifier, trained as a whole and with its classes over processes: loss, accuracy, gradients."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor.parallel import loss_parallel

from lightning_modules.networks import ArcFaceHead, Classifier, CosFaceHead, is_best
from lightning_modules.networks.class_parallel import ParallelSoftmax

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


def as_a_whole(head: str, num_classes: int, dtype: torch.dtype) -> dict[str, Tensor]:
    network, classifier = network_and_classifier(head, num_classes, dtype)
    images, identities = batch(num_classes, dtype)
    scores, loss = classifier.scores_and_loss(network(images), identities, nn.CrossEntropyLoss())
    loss.backward()
    return {"loss": loss.detach(), "correct": is_best(scores, identities), **gradients(network, classifier)}


def over_processes(head: str, num_classes: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return the same of this process's share of the batch, gradients averaged as DDP does, shards put together."""
    processes, rank = distributed.get_world_size(), distributed.get_rank()
    network, classifier = network_and_classifier(head, num_classes, dtype)
    softmax = ParallelSoftmax(classifier[1], mesh=init_device_mesh("cpu", (processes,)))
    images, identities = (part.chunk(processes)[rank] for part in batch(num_classes, dtype))
    found = softmax(network(images), identities)
    with loss_parallel():
        found.loss.backward()
    for weight in network.parameters():
        assert weight.grad is not None
        distributed.all_reduce(weight.grad)
        weight.grad /= processes
    correct = [torch.empty_like(found.correct) for _ in range(processes)]
    distributed.all_gather(correct, found.correct)
    return {"loss": found.loss.detach(), "correct": torch.cat(correct), **gradients(network, classifier)}


def gradients(*modules: nn.Module) -> dict[str, Tensor]:
    named: Iterable[tuple[str, Any]] = (pair for module in modules for pair in module.named_parameters())
    return {name: getattr(weight.grad, "full_tensor", lambda g=weight.grad: g)() for name, weight in named}

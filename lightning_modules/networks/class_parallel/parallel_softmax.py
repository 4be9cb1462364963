"""Softmax cross-entropy of a batch over all processes, each of which has some of the classes."""

from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard
from torch.distributed.tensor.parallel import loss_parallel
from torch.nn.functional import cross_entropy, pad

from lightning_modules.gather import gather_batch
from lightning_modules.networks.class_parallel.class_layer import class_dims, similarities, with_margin
from lightning_modules.networks.class_parallel.class_sample import ClassSample, all_classes, sampled_classes
from lightning_modules.networks.class_parallel.class_shard import ClassShard, local, sharded
from lightning_modules.networks.class_parallel.lent_weights import Lent, whole_part
from losses.distances import promoted


class Classified(NamedTuple):
    """What is known of a classified batch."""

    loss: Tensor
    """Scalar: the mean of all processes' faces, the same in each."""
    results: Tensor
    """``(B, ...)`` of this process's faces, finite where a face's scores are."""
    correct: Tensor
    """``(B,)`` bool: whether the right class has the highest score without a margin; a tie counts against it."""


class TakenRows(NamedTuple):
    """The weights that a step has looked at."""

    chosen: Tensor
    """``(k,)`` of this process's classes."""
    weights: dict[str, Tensor]
    """By name, those of the k classes: leaves, which get the gradient."""


class ParallelSoftmax:
    r"""A classifier's last layer with its classes over the processes, or with a sample of them in each step, or both.

    Embeddings and identities of all processes are gathered; each process finds the scores of its own classes, with the
    margin where the true class is among them, and the softmax's denominators are summed over the processes. The
    gradient of an embedding is the sum of what all classes' owners find. The mean that DistributedDataParallel takes
    over processes would divide it by W, and so it is multiplied by W first; the layer's weights, which no two
    processes share, are to be left out of that mean.

    Source: An et al. (2021), Partial FC, https://arxiv.org/abs/2010.05222.

    Args:
        layer: Linear, or a margin head; its parameters are replaced by shards of them.
        sampling_rate: r in (0, 1], the share of classes that a training step looks at; see :func:`sampled_classes`.
        mesh: The processes; ``None`` is this one alone.

    Raises:
        ValueError: If a process would have no class, or the margin head is of another kind.
    """

    def __init__(self, layer: nn.Module, *, sampling_rate: float = 1.0, mesh: DeviceMesh | None = None) -> None:
        self.layer, self.sampling_rate, self.mesh = layer, sampling_rate, mesh
        self.dims = class_dims(layer)
        processes, rank = (1, 0) if mesh is None else (mesh.size(), mesh.get_local_rank())
        self.shard = ClassShard(check_classes(layer, processes), processes, rank)
        self.taken: TakenRows | None = None
        if mesh is not None:
            for name, dim in self.dims.items():
                owner = layer.get_submodule(name.rpartition(".")[0])
                weight = nn.Parameter(sharded(layer.get_parameter(name), dim, mesh))
                setattr(owner, name.rpartition(".")[2], weight)

    def __call__(self, embeddings: Tensor, identities: Tensor, generator: torch.Generator | None = None) -> Classified:
        """Return loss and accuracy of a batch; all processes call this, with as many faces.

        Args:
            embeddings: ``(B, D)`` of this process.
            identities: ``(B,)``.
            generator: Of the sample, on the identities' device; without one, or at a rate of 1, all classes count.
        """
        everyone, labels = self._gathered(promoted(embeddings)), gather_batch(identities)  # (W · B, D), (W · B,)
        sample = self._sample(labels, generator)
        faces = (sample.owner == self.shard.rank).nonzero()[:, 0]
        classes = sample.column[faces]
        found = similarities(self.layer, everyone, self._weights(sample))  # (W · B, k)
        correct = self._correct(found.detach(), faces, classes)
        losses = self._losses(with_margin(self.layer, found, faces, classes), sample)
        ours = slice(self.shard.rank * len(identities), (self.shard.rank + 1) * len(identities))
        return Classified(losses.mean(), losses.detach()[ours, None], correct[ours])

    def lent(self) -> list[Lent]:
        """Return what an optimizer is to step on in place of the layer's weights, after a backward pass."""
        if self.taken is None:
            return [whole_part(self.layer.get_parameter(name), dim) for name, dim in self.dims.items()]
        index, leaves = self.taken
        self.taken = None
        return [Lent(self.layer.get_parameter(name), dim, index, leaves[name]) for name, dim in self.dims.items()]

    def _gathered(self, embeddings: Tensor) -> Tensor:
        everyone, processes = gather_batch(embeddings), self.shard.processes
        if everyone.requires_grad and processes > 1:
            everyone.register_hook(lambda grad: grad * processes)  # type: ignore[no-untyped-call]  # torch's
        return everyone

    def _sample(self, labels: Tensor, generator: torch.Generator | None) -> ClassSample:
        if generator is None or self.sampling_rate == 1.0:
            return all_classes(labels, self.shard)
        return sampled_classes(labels, self.shard, self.sampling_rate, generator)

    def _weights(self, sample: ClassSample) -> dict[str, Tensor]:
        weights = {name: local(self.layer.get_parameter(name)) for name in self.dims}
        if sample.chosen is None:
            return weights
        rows = {name: weights[name].detach().index_select(dim, sample.chosen) for name, dim in self.dims.items()}
        self.taken = TakenRows(sample.chosen, {name: leaf.requires_grad_() for name, leaf in rows.items()})
        return rows

    def _correct(self, found: Tensor, faces: Tensor, classes: Tensor) -> Tensor:
        own = found.new_zeros(len(found))
        own[faces] = found[faces, classes]
        own = self._summed(own)
        return self._summed((found >= own[:, None]).sum(1)) == 1

    def _summed(self, x: Tensor) -> Tensor:
        if self.mesh is not None:
            dist.all_reduce(x, group=self.mesh.get_group())
        return x

    def _losses(self, scores: Tensor, sample: ClassSample) -> Tensor:
        if self.mesh is None:
            return cross_entropy(scores, sample.target, reduction="none")
        classes = self.shard.num_classes
        if sample.chosen is not None:
            scores = pad(scores, (0, sample.width - scores.shape[1]), value=-torch.inf)
            classes = self.shard.processes * sample.width
        shape = torch.Size([len(scores), classes])
        spread = DTensor.from_local(scores, self.mesh, [Shard(1)], run_check=False, shape=shape, stride=(shape[1], 1))
        with loss_parallel():  # as the backward pass has to be
            losses = cross_entropy(spread, sample.target, reduction="none")  # (W · B,)
        return local(losses)


def check_classes(layer: nn.Module, processes: int) -> int:
    """Return the number of a layer's classes, and refuse those that cannot be shared out.

    Raises:
        ValueError: If a process would have no class, or the margin head is of another kind.
    """
    name, dim = next(iter(class_dims(layer).items()))
    num_classes = layer.get_parameter(name).shape[dim]
    ClassShard(num_classes, processes).check()
    return num_classes

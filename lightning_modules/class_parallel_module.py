"""Modules that classify, with the classes over the processes, a sample of them in each step, or both (Partial FC)."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import loss_parallel
from torch.nn.parallel import DistributedDataParallel

from datamodules.errors import DataError
from datamodules.randomness import sample_generator
from datamodules.seams.face_batch import FaceBatch
from lightning_modules.base import FaceModule
from lightning_modules.class_parallel_checks import check_processes, check_sampling, refused
from lightning_modules.class_parallel_strategy import ClassParallelStrategy
from lightning_modules.networks import Classifier, is_best
from lightning_modules.networks.checkpoint_file import SHARDS
from lightning_modules.networks.class_parallel import (
    Classified,
    Lent,
    ParallelSoftmax,
    clip_by_norm,
    lend,
    put_together,
    share_out,
    take_back,
)

LAYER = "classifier.1."
"""What the names of the last layer's weights begin with."""


class ClassParallelModule(FaceModule):
    """Base of the methods that classify identities.

    Args:
        network: What is trained.
        class_parallel: Whether each process keeps the classifier's weights, gradients and optimizer state of its share
            of the identities alone. One process has all of them, as without.
        sampling_rate: r in (0, 1], the share of identities that a training step compares a batch with: its own, and
            others at random. Weights that a step leaves out, and their optimizer state, stay as they are.
        settings: See :class:`~lightning_modules.base.FaceModule`.

    Raises:
        ValueError: If ``sampling_rate`` is out of range, or below 1 without ``class_parallel``.
    """

    classifier: Classifier

    def __init__(
        self, network: nn.Module, *, class_parallel: bool = False, sampling_rate: float = 1.0, **settings: Any
    ) -> None:
        check_sampling(class_parallel, sampling_rate)
        super().__init__(network, **settings)
        self.class_parallel, self.sampling_rate = class_parallel, sampling_rate
        self._softmax: ParallelSoftmax | None = None
        self._lent: list[Lent] = []
        self._batch = 0

    def check_loss(self, loss: nn.Module | None) -> None:
        """Refuse a loss of all scores, which no process has.

        Raises:
            ValueError: If there is one.
        """
        if self.class_parallel and loss is not None:
            expected = "Expected softmax cross-entropy, or the loss of a `margin_head`, with `class_parallel`"
            raise ValueError(f"{expected}, got {type(loss).__name__}")

    def check_processes(self, trainer: Trainer) -> None:
        """Refuse a trainer whose processes cannot share out this module's classes.

        Raises:
            MisconfigurationException: If it is one.
        """
        if self.class_parallel:
            check_processes(trainer, self.classifier[1], self.sampling_rate)

    @property
    def mesh(self) -> DeviceMesh | None:
        """The processes that share out the classes, ``None`` where one has all."""
        return None if self._softmax is None else self._softmax.mesh

    def setup(self, stage: str) -> None:
        """Share out the classes.

        Raises:
            MisconfigurationException: If that cannot be, see :meth:`check_processes`.
        """
        super().setup(stage)
        processes = self.trainer.world_size
        if not self.class_parallel or self._softmax is not None or (processes == 1 and self.sampling_rate == 1.0):
            return
        self.check_processes(self.trainer)
        strategy = self.trainer.strategy
        mesh = init_device_mesh(strategy.root_device.type, (processes,)) if processes > 1 else None
        self._softmax = ParallelSoftmax(self.classifier[1], sampling_rate=self.sampling_rate, mesh=mesh)
        if mesh is not None:
            shards = [name for name, weight in self.named_parameters() if isinstance(weight, DTensor)]
            # DDP neither averages nor broadcasts them
            DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(self, shards)  # type: ignore[no-untyped-call]  # torch's
            strategy.__class__ = ClassParallelStrategy  # of DDP's own: nobody has to name it beside the setting

    def classify(self, embeddings: Tensor, identities: Tensor, loss: nn.Module) -> Classified:
        """Return loss and accuracy of a batch; all processes that share out the classes call this.

        Args:
            embeddings: ``(B, D)``.
            identities: ``(B,)``.
            loss: Of scores ``(B, n)`` and identities, where one process has all scores.
        """
        if self._softmax is None:
            scores, value = self.classifier.scores_and_loss(embeddings, identities, loss)
            return Classified(value, scores, is_best(scores, identities))
        return self._softmax(self.classifier[0](embeddings), identities, self._sampler(identities.device))

    def whole_classifier(self) -> Classifier:
        """Return the classifier.

        Raises:
            MisconfigurationException: If no process has all of it.
        """
        if self.mesh is not None:
            raise refused("a classifier that one process has", f"one over {self.mesh.size()} (`class_parallel`)")
        return self.classifier

    def on_train_batch_start(self, batch: FaceBatch, batch_idx: int) -> None:
        """Let classes be sampled by (seed, epoch, batch), too."""
        super().on_train_batch_start(batch, batch_idx)
        self._batch = batch_idx

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take the gradients of a softmax over processes."""
        with nullcontext() if self.mesh is None else loss_parallel():
            super().backward(loss, *args, **kwargs)

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        """Step on what the batch has looked at.

        Raises:
            MisconfigurationException: If the optimizer's state cannot be shared out.
        """
        softmax, plain = self._softmax, optimizer.optimizer if isinstance(optimizer, LightningOptimizer) else optimizer
        if softmax is None:
            super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
            return

        def closure() -> Any:
            result = optimizer_closure()
            self._lent = softmax.lent()
            lend(plain, self._lent)
            return result

        super().optimizer_step(epoch, batch_idx, optimizer, closure)
        try:
            take_back(plain, self._lent)
        except ValueError as error:
            raise refused(str(error)) from error
        self._lent = []

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by the norm over the gradients of all processes."""
        if self.mesh is None or not gradient_clip_val or gradient_clip_algorithm == "value":
            super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)
            return
        clip_by_norm(optimizer, self._lent, gradient_clip_val, self.mesh)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take this process's share of the classes, of a checkpoint of any number of processes.

        Raises:
            DataError: If a file is missing or damaged.
        """
        if SHARDS in checkpoint:
            try:
                put_together(checkpoint, Path(str(self.trainer.ckpt_path)).parent, mesh=self.mesh)
            except ValueError as error:
                raise DataError(str(error)) from error
        if self._softmax is not None and self._softmax.mesh is not None:
            dims = {f"{LAYER}{name}": dim for name, dim in self._softmax.dims.items()}
            share_out(checkpoint, dims, [name for name, _ in self.named_parameters()], self._softmax.mesh)
        super().on_load_checkpoint(checkpoint)

    def _sampler(self, device: torch.device) -> torch.Generator | None:
        if not self.training or self.sampling_rate == 1.0:
            return None
        stream = f"classes of process {self.global_rank}"
        seed = sample_generator(self._run_seed, self.current_epoch, self._batch, stream=stream).integers(2**63)
        return torch.Generator(device).manual_seed(int(seed))

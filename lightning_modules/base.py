"""What all training methods share: raw pixels in, optimizer and schedule by injection, named initial weights."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.cli import OptimizerCallable
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from datamodules.randomness import sample_generator
from datamodules.seams.face_batch import FaceBatch
from lightning_modules.batch_norm import check_batch_norm
from lightning_modules.embedding_network import EmbeddingNetwork
from lightning_modules.finite_module import FiniteModule
from lightning_modules.networks import (
    Normalize,
    freeze,
    imagenet_trunk_weights,
    load_trunk_weights,
    parts_of,
    unused_parameters,
)
from lightning_modules.pixels import fitting_normalize
from lightning_modules.resuming import accumulated_gradients, amend, count_epochs, put_back, what_follows
from lightning_modules.warmup_cosine import LRScheduleCallable

SIDE = 64
"""Of an image, in pixels, that any network without a size of its own should take."""


class FaceModule(FiniteModule):
    """Base of the training methods.

    Args:
        network: What is trained.
        optimizer: Makes the optimizer from the parameters.
        lr_schedule: Makes the schedule from the optimizer and the number of steps; ``None`` keeps the rate.
        normalize: Owner of the pixels' range and order; saved with the weights. ``None`` is that of
            ``initial_weights``, without them ±1.
        initial_weights: What the trunk starts from: a local file, see
            :func:`lightning_modules.networks.load_trunk_weights`, ``"imagenet"`` (downloaded), or ``None`` for
            random weights.
        channels_last: Keep images, and so what the network makes of them, with the channels innermost in memory, which
            convolutions in half precision on GPUs want. Results change by rounding only.
        compiled: Whether :func:`torch.compile` compiles the network at its first batch, or its settings, such as
            ``{mode: max-autotune}``. Names in checkpoints stay the same.

    Raises:
        ValueError: If ``initial_weights`` does not fit ``network``, or was trained on other pixel ranges.
    """

    logged: ClassVar[Mapping[str, tuple[str, ...]] | None] = None
    """Split → names that the steps log, as ``<split>/<name>``: what tables, curves and checkpoints may ask for.
    A subclass that does not say it anew may log more."""
    makes: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Split → keys of :class:`~lightning_modules.outputs.StepOutput` that callbacks get."""

    def __init__(
        self,
        network: nn.Module,
        *,
        optimizer: OptimizerCallable = torch.optim.Adam,
        lr_schedule: LRScheduleCallable | None = None,
        normalize: Normalize | None = None,
        initial_weights: str | None = None,
        channels_last: bool = False,
        compiled: bool | dict[str, Any] = False,
    ) -> None:
        super().__init__()
        self.network = network
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.origin: str = getattr(getattr(network, "trunk", None), "origin", "random weights")
        self._run_seed = 0
        self._gradients: dict[str, Tensor] = {}
        self.normalize = fitting_normalize(normalize, initial_weights, network)
        if initial_weights == "imagenet":
            self.origin = imagenet_trunk_weights(network)
        elif initial_weights is not None:
            self.origin = self.load_initial_weights(initial_weights)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        network.to(memory_format=self.memory_format)
        if compiled is not False:
            # in place: a wrapper's name would be part of every weight's
            network.compile(**(compiled if isinstance(compiled, dict) else {}))

    def load_initial_weights(self, path: str) -> str:
        """Load a local file into the network and return one line that says what was loaded.

        Raises:
            ValueError: If the file does not fit.
        """
        return load_trunk_weights(self.network, path)

    def setup(self, stage: str) -> None:
        """Freeze what the loss does not depend on, and say what several processes do to batch normalisation.

        Raises:
            MisconfigurationException: If it is to be synchronised on CPUs.
        """
        if stage == "fit":
            self.freeze_unused()
        if stage == "fit" and self.trainer.world_size > 1:
            strategy = self.trainer.strategy
            synchronised = getattr(strategy, "_layer_sync", None) is not None
            check_batch_norm(
                self.network,
                self.trainer.world_size,
                synchronised=synchronised,
                on_cpu=strategy.root_device.type == "cpu",
            )

    def freeze_unused(self) -> None:
        """Exclude parameters without gradient from training: several processes would wait for it in vain.

        They are found with one blank image, of the network's ``image_size`` where it has one; a network that does not
        take it is left as it is.
        """
        side = getattr(self.network, "image_size", SIDE)
        # in a set-up `self.device` is the one to come, where the weights are not yet
        device = next(self.network.parameters()).device
        image = self.pixels(torch.zeros(1, 3, side, side, dtype=torch.uint8, device=device))
        try:
            # `forward` itself: nothing is to be compiled for this
            unused = unused_parameters(self.network, lambda: self.learned_from(self.network.forward(image)))
        except (RuntimeError, ValueError, AssertionError) as error:
            rank_zero_warn(f"Whether all parameters are trained was not looked at: {error}")
            return
        freeze(self.network, unused)
        frozen = [name for name, p in self.network.named_parameters() if not p.requires_grad]
        if frozen:
            rank_zero_info(f"{len(frozen)} parameters are not trained: {', '.join(parts_of(self.network, frozen))}")

    def learned_from(self, output: Any) -> Any:
        """Return what the loss sees of the network's output; all of it, unless a method says otherwise."""
        return output

    def on_fit_start(self) -> None:
        """Say where the weights come from, and how many are trained."""
        self._run_seed = torch.initial_seed()
        count_epochs(self.trainer)
        trained = sum(weight.numel() for weight in self.parameters() if weight.requires_grad)
        rank_zero_info(f"{type(self).__name__} starts from {self.origin}; {trained:,} weights are trained")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what a checkpoint needs that is saved inside an epoch.

        Raises:
            DataError: If a weight is not finite.
        """
        super().on_save_checkpoint(checkpoint)
        checkpoint["gradients"] = accumulated_gradients(self)
        checkpoint["follows"] = what_follows(self.trainer)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it."""
        self._gradients = checkpoint.get("gradients", {})
        amend(checkpoint)

    def on_train_start(self) -> None:
        """Resume inside an epoch, if the training was saved there."""
        put_back(self, self._gradients)
        self._gradients = {}

    def on_train_batch_start(self, batch: FaceBatch, batch_idx: int) -> None:
        """Let layers draw, dropout for one, by (seed, epoch, batch, process): resuming changes nothing in a run."""
        stream = f"layers of process {self.global_rank}"
        generator = sample_generator(self._run_seed, self.current_epoch, batch_idx, stream=stream)
        torch.manual_seed(int(generator.integers(2**63)))

    def pixels(self, images: Tensor) -> Tensor:
        """Return raw ``(B, 3, H, W)`` images as the network wants them: ``(B, C, H, W)`` in its own precision."""
        normalized: Tensor = self.normalize(images)
        dtype = next(self.network.parameters()).dtype
        return normalized.to(dtype, memory_format=self.memory_format)

    def embedding_network(self) -> nn.Module:
        """Return the network from normalised images ``(B, C, H, W)`` to embeddings ``(B, D)`` of whatever length.

        Weights and mode are shared with this module.
        """
        return EmbeddingNetwork(self.network)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build what was injected; the schedule advances every step.

        Raises:
            MisconfigurationException: If optimizer or schedule refuses its settings.
        """
        try:
            optimizer = self.optimizer(self.parameters())
            if self.lr_schedule is None:
                return optimizer
            schedule = self.lr_schedule(optimizer, int(self.trainer.estimated_stepping_batches))
        except ValueError as error:
            raise MisconfigurationException(str(error)) from error
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def log_losses(self, split: str, size: int, **values: Tensor) -> None:
        """Log ``split/name`` for each value, as an epoch's mean over faces; the names are those of ``logged``.

        A validation's ``loss`` has to be finite.
        """
        if split == "val" and "loss" in values:
            self.validation_losses.add(self.validation_losses.number, values["loss"])
        for name, value in values.items():
            on_bar = name in {"loss", "accuracy"}
            self.log(
                f"{split}/{name}", value, on_epoch=True, on_step=False, prog_bar=on_bar, batch_size=size, sync_dist=True
            )

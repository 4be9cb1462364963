"""What all training methods share: raw pixels in, optimizer and schedule by injection, named initial weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import LightningModule
from pytorch_lightning.cli import OptimizerCallable
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from datamodules.batch import FaceBatch
from datamodules.randomness import sample_generator
from lightning_modules.networks import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    VGGFACE_MEAN,
    VGGFACE_STD,
    Normalize,
    imagenet_trunk_weights,
    load_trunk_weights,
    read_state_dict,
)
from lightning_modules.resuming import accumulated_gradients, amend, count_epochs, put_back, what_follows
from lightning_modules.schedule import LRScheduleCallable


class FaceModule(LightningModule):
    """Base of the training methods.

    Args:
        network: What is trained.
        optimizer: Makes the optimizer from the parameters.
        lr_schedule: Makes the schedule from the optimizer and the number of steps; ``None`` keeps the rate.
        normalize: Owner of the pixels' range; saved with the weights.
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
        self.normalize = normalize or Normalize()
        self.origin = "random weights"
        self._run_seed = 0
        self._gradients: dict[str, Tensor] = {}
        if initial_weights == "imagenet":
            check_same_pixels(self.normalize, IMAGENET_PIXELS, "ImageNet's VGG16")
            self.origin = imagenet_trunk_weights(network)
        elif initial_weights is not None:
            check_same_pixels(self.normalize, read_state_dict(initial_weights), Path(initial_weights).name)
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
        """Say what several processes do to batch normalisation.

        Raises:
            MisconfigurationException: If it is to be synchronised on CPUs.
        """
        if stage == "fit" and self.trainer.world_size > 1:
            strategy = self.trainer.strategy
            synchronised = getattr(strategy, "_layer_sync", None) is not None
            check_batch_norm(
                self.network,
                self.trainer.world_size,
                synchronised=synchronised,
                on_cpu=strategy.root_device.type == "cpu",
            )

    def on_fit_start(self) -> None:
        """Say where the weights come from."""
        self._run_seed = torch.initial_seed()
        count_epochs(self.trainer)
        rank_zero_info(f"{type(self).__name__} starts from {self.origin}")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what a checkpoint needs that is saved inside an epoch."""
        checkpoint["gradients"] = accumulated_gradients(self)
        checkpoint["follows"] = what_follows(self.trainer)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it."""
        self._gradients = checkpoint.get("gradients", {})
        amend(checkpoint)

    def on_train_start(self) -> None:
        """Go on inside an epoch, if the training was resumed there."""
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
        """Log ``split/name`` for each value, as an epoch's mean over faces."""
        for name, value in values.items():
            on_bar = name in {"loss", "accuracy"}
            self.log(
                f"{split}/{name}", value, on_epoch=True, on_step=False, prog_bar=on_bar, batch_size=size, sync_dist=True
            )


def check_batch_norm(network: nn.Module, processes: int, *, synchronised: bool, on_cpu: bool) -> None:
    """Warn of batch normalisation whose statistics are those of one process's share of the batch.

    Args:
        network: What is trained.
        processes: That train it together.
        synchronised: Whether statistics are to be those of the whole batch.
        on_cpu: Whether it is trained on CPUs.

    Raises:
        MisconfigurationException: If statistics are synchronised on a CPU, which torch cannot do.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if layers and synchronised and on_cpu:
        raise MisconfigurationException(
            "Expected GPUs with `trainer.sync_batchnorm`: torch cannot synchronise batch normalisation on CPUs; "
            "there, set it to false"
        )
    if layers and not synchronised:
        rank_zero_warn(
            f"{len(layers)} layers of batch normalisation take the statistics of 1/{processes} of the batch, each "
            "process its own; on GPUs --trainer.sync_batchnorm=true takes those of the whole"
        )


IMAGENET_PIXELS = {"normalize.mean": torch.tensor(IMAGENET_MEAN), "normalize.std": torch.tensor(IMAGENET_STD)}
VGGFACE_PIXELS = {"normalize.mean": torch.tensor(VGGFACE_MEAN), "normalize.std": torch.tensor(VGGFACE_STD)}


def check_same_pixels(normalize: Normalize, state: Mapping[str, Tensor], name: str) -> None:
    """Refuse weights that were trained on other pixel ranges: nothing else would ever show the mistake.

    Args:
        normalize: What the network's images go through.
        state: Tensors of the file: a checkpoint has its own ``normalize``; VGG-Face's and torchvision's layer
            names stand for those models' ranges.
        name: What to call the weights in the message.

    Raises:
        ValueError: If mean or standard deviation differ.
    """
    if "conv1_1.weight" in state:
        state = VGGFACE_PIXELS
    elif "features.0.weight" in state:
        state = IMAGENET_PIXELS
    for key, ours in normalize.state_dict().items():
        theirs = state.get(f"normalize.{key}", ours.flatten()).flatten()
        if theirs.shape != ours.flatten().shape or not torch.allclose(theirs.float(), ours.flatten(), atol=1e-3):
            wanted, got = ([round(value, 3) for value in t.flatten().tolist()] for t in (theirs, ours))
            raise ValueError(f"Expected `normalize` with the `{key}` that {name} was trained with, {wanted}, got {got}")

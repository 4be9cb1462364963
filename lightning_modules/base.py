"""What all training methods share: raw pixels in, optimizer and schedule by injection, named initial weights."""

from collections.abc import Mapping
from pathlib import Path

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import LightningModule
from pytorch_lightning.cli import OptimizerCallable
from pytorch_lightning.utilities import rank_zero_info
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

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
    ) -> None:
        super().__init__()
        self.network = network
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.normalize = normalize or Normalize()
        self.origin = "random weights"
        if initial_weights == "imagenet":
            check_same_pixels(self.normalize, IMAGENET_PIXELS, "ImageNet's VGG16")
            self.origin = imagenet_trunk_weights(network)
        elif initial_weights is not None:
            check_same_pixels(self.normalize, read_state_dict(initial_weights), Path(initial_weights).name)
            self.origin = self.load_initial_weights(initial_weights)

    def load_initial_weights(self, path: str) -> str:
        """Load a local file into the network and return one line that says what was loaded.

        Raises:
            ValueError: If the file does not fit.
        """
        return load_trunk_weights(self.network, path)

    def on_fit_start(self) -> None:
        """Say where the weights come from."""
        rank_zero_info(f"{type(self).__name__} starts from {self.origin}")

    def pixels(self, images: Tensor) -> Tensor:
        """Return raw ``(B, 3, H, W)`` images as the network wants them: ``(B, C, H, W)`` in its own precision."""
        normalized: Tensor = self.normalize(images)
        return normalized.to(next(self.network.parameters()).dtype)

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

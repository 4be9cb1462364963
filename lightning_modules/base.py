"""What all training methods share: raw pixels in, optimizer and schedule by injection, named initial weights."""

from pathlib import Path

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import LightningModule
from pytorch_lightning.cli import OptimizerCallable
from pytorch_lightning.utilities import rank_zero_info
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from datamodules.batch import FaceBatch
from lightning_modules.networks import Normalize, imagenet_trunk_weights, load_trunk_weights, read_state_dict
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
            self.origin = imagenet_trunk_weights(network)
        elif initial_weights is not None:
            _check_same_pixels(self.normalize, Path(initial_weights))
            self.origin = load_trunk_weights(network, initial_weights)

    def on_fit_start(self) -> None:
        """Say where the weights come from."""
        rank_zero_info(f"{type(self).__name__} starts from {self.origin}")

    def pixels(self, batch: FaceBatch) -> Tensor:
        """Return the batch's images as the network wants them, ``(B, C, H, W)`` float."""
        normalized: Tensor = self.normalize(batch["image"])
        return normalized

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


def _check_same_pixels(normalize: Normalize, path: Path) -> None:
    state = read_state_dict(path)
    for name, ours in normalize.state_dict().items():
        theirs = state.get(f"normalize.{name}", ours)
        if theirs.shape != ours.shape or not torch.allclose(theirs, ours):
            raise ValueError(
                f"Expected `initial_weights` trained with the `{name}` of `normalize`, {ours.flatten().tolist()}, "
                f"got {theirs.flatten().tolist()} in {path.name}"
            )

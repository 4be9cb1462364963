"""Pictures of what a run trained on and what it sees (SOIDN paper, Fig. 8, 10 and 11)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.figures.image_grid import grey, label_levels, pixels, response_rows, save_grid, segmentation_rows
from callbacks.run_files import log_picture, run_folder
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_batch import FaceBatch


class SampleFigures(Callback):
    """Draws training samples with label maps, segmentations against the truth, and deep responses.

    Written as PNG files to ``figures`` in the run's folder and, where W&B logs, to W&B.

    Args:
        num_samples: Training faces shown, and test faces shown under each occluder.
        num_channels: Channels of the deep response shown.

    Raises:
        ValueError: If a number is not positive.
    """

    def __init__(self, num_samples: int = 8, num_channels: int = 4) -> None:
        if min(num_samples, num_channels) < 1:
            raise ValueError(f"Expected positive numbers of samples and channels, got {num_samples}, {num_channels}")
        self.num_samples = num_samples
        self.num_channels = num_channels
        self._examples: dict[str, list[dict[str, Tensor]]] = {}
        self._folder: Path | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Learn the run's folder: all processes must ask for it together."""
        self._folder = run_folder(trainer, "figures")

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: FaceBatch, batch_idx: int
    ) -> None:
        """Draw the first batch of the run."""
        if trainer.global_step == 0 and batch_idx == 0 and trainer.is_global_zero:
            chosen = slice(2 * self.num_samples)
            rows = [pixels(batch["image"][chosen]), grey(label_levels(batch["mask"][chosen]))]
            self._save(trainer, "training_samples", *rows)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: FaceBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the first faces of each condition, one of each identity."""
        if not (trainer.is_global_zero and isinstance(outputs, Mapping) and "segmentation" in outputs):
            return
        columns = {"image": batch["image"], "mask": batch["mask"], "identity": batch["identity"], **outputs}
        for row, name in enumerate(batch["occluder"]):
            kept = self._examples.setdefault(name, [])
            known = {int(example["identity"]) for example in kept}
            if len(kept) < self.num_samples and int(batch["identity"][row]) not in known:
                kept.append({key: value[row].detach().cpu() for key, value in columns.items()})

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw what was kept and forget it."""
        occluded = [e for name, examples in self._examples.items() if name != CLEAN for e in examples]
        for name, examples in self._examples.items():
            if name != CLEAN:
                self._save(trainer, f"segmentation_{name}", *segmentation_rows(examples))
        if occluded and "deep_response" in occluded[0]:
            one_of_each = [examples[0] for name, examples in self._examples.items() if name != CLEAN]
            self._save(trainer, "deep_response", *response_rows(one_of_each, self.num_channels))
        self._examples = {}

    def _save(self, trainer: Trainer, name: str, *rows: Tensor) -> None:
        """Write a grid whose rows are ``(B, 3, H, W)`` stacks of the same faces."""
        if self._folder is None:
            return
        path = self._folder / f"{name}.png"
        save_grid(path, *rows)
        log_picture(trainer, f"figures/{name}", path)

"""Pictures of what a run trained on and what it sees (SOIDN paper, Fig. 8, 10 and 11)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.utils import make_grid, save_image

from callbacks.run_files import log_picture, run_folder
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_batch import FaceBatch
from datamodules.whole_file import whole_file
from lightning_modules.outputs import StepOutput

OCCLUDER_COLOUR = (1.0, 0.15, 0.1)


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
            rows = [_pixels(batch["image"][chosen]), _grey(batch["mask"][chosen].float())]
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
        """Keep the first faces of each condition, one of each person."""
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
                self._save(trainer, f"segmentation_{name}", *_segmentation_rows(examples))
        if occluded and "deep_response" in occluded[0]:
            one_of_each = [examples[0] for name, examples in self._examples.items() if name != CLEAN]
            self._save(trainer, "deep_response", *_response_rows(one_of_each, self.num_channels))
        self._examples = {}

    def _save(self, trainer: Trainer, name: str, *rows: Tensor) -> None:
        """Write a grid whose rows are ``(B, 3, H, W)`` stacks of the same faces."""
        if self._folder is None:
            return
        path = self._folder / f"{name}.png"
        _save_grid(path, *rows)
        log_picture(trainer, f"figures/{name}", path)


def draw_responses(images: Tensor, output: StepOutput, path: Path, *, num_channels: int = 4) -> None:
    """Draw faces, what a network segments in them and, where it has one, its deep response.

    Args:
        images: ``(B, 3, H, W)`` uint8.
        output: Of a module that segments: ``segmentation``, and perhaps ``deep_response``.
        path: Where to write the picture.
        num_channels: Channels of the deep response shown.
    """
    rows = [_pixels(images), _tint(_pixels(images), output["segmentation"].cpu())]
    if "deep_response" in output:
        examples = [
            {"image": i, "deep_response": r.cpu()} for i, r in zip(images, output["deep_response"], strict=True)
        ]
        rows += _response_rows(examples, num_channels)[1:]
    _save_grid(path, *rows)


def _save_grid(path: Path, *rows: Tensor) -> None:
    """Write a grid whose rows are ``(B, 3, H, W)`` stacks of the same faces."""
    magnify = max(1, 128 // rows[0].shape[-1])
    grid = make_grid(torch.cat(rows), nrow=len(rows[0]), padding=2, pad_value=1.0)
    with whole_file(path) as file:
        save_image(interpolate(grid[None], scale_factor=magnify)[0], file, format="png")


def _segmentation_rows(examples: list[dict[str, Tensor]]) -> list[Tensor]:
    images = _pixels(torch.stack([e["image"] for e in examples]))
    truth, seen = (torch.stack([e[key] for e in examples]) for key in ("mask", "segmentation"))
    return [images, _tint(images, truth), _tint(images, seen)]


def _response_rows(examples: list[dict[str, Tensor]], num_channels: int) -> list[Tensor]:
    images = _pixels(torch.stack([e["image"] for e in examples]))
    response = torch.stack([e["deep_response"] for e in examples])[:, :num_channels].float()  # (B, C, h, w)
    low, high = response.amin((2, 3), keepdim=True), response.amax((2, 3), keepdim=True)
    scaled = interpolate((response - low) / (high - low).clamp(min=1e-6), images.shape[-2:])
    return [images, *(_grey(channel) for channel in scaled.unbind(1))]


def _pixels(images: Tensor) -> Tensor:
    return images.cpu().float() / 255  # (B, 3, H, W)


def _grey(maps: Tensor) -> Tensor:
    return maps.cpu()[:, None].expand(-1, 3, -1, -1)  # (B, 3, H, W)


def _tint(images: Tensor, masks: Tensor) -> Tensor:
    weight = 0.6 * _grey(masks.float())
    return (1 - weight) * images + weight * torch.tensor(OCCLUDER_COLOUR)[:, None, None]

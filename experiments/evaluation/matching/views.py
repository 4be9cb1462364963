"""Further views of an image that are embedded beside it: test-time augmentation."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from pytorch_lightning import LightningModule
from torch import Tensor

from datamodules.seams.face_batch import FaceBatch
from experiments.evaluation.matching.comparison_options import VIEW_NAMES
from lightning_modules.outputs import StepOutput

ZOOM = 0.92
"""Share of an image's side that a closer view shows."""
SHIFT = 0.03
"""Of the side, by which an image is moved."""


def mirrored(images: Tensor) -> Tensor:
    """Return ``(B, C, H, W)`` images with left and right exchanged."""
    return images.flip(3)


def zoomed(images: Tensor) -> Tensor:
    """Return the middle of ``(B, C, H, W)`` uint8 images, as large as they are."""
    side = images.shape[-1]
    edge = round(side * (1 - ZOOM) / 2)
    middle = images[..., edge : side - edge, edge : side - edge].float()
    return F.interpolate(middle, size=images.shape[2:], mode="bilinear", antialias=True).round().to(images.dtype)


def shifted(images: Tensor) -> Tensor:
    """Return ``(B, C, H, W)`` images moved right and down, with the first row and column repeated."""
    by = max(1, round(images.shape[-1] * SHIFT))
    moved = F.pad(images.float(), [by, 0, by, 0], mode="replicate")[..., : images.shape[2], : images.shape[3]]
    return moved.to(images.dtype)


VIEWS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    dict(zip(VIEW_NAMES, (mirrored, zoomed, shifted), strict=True))
)
"""By name."""


class ViewModule(LightningModule):
    """Embeds one view of images by another module.

    Args:
        module: Its ``predict_step`` embeds; weights are shared.
        view: Name of the view, among :data:`VIEWS`.
    """

    def __init__(self, module: LightningModule, view: str) -> None:
        super().__init__()
        self.module = module
        self.view = view

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Return what the module makes of the view."""
        step: Any = self.module.predict_step
        seen = FaceBatch(**{**batch, "image": VIEWS[self.view](batch["image"])})
        with torch.no_grad():
            made: StepOutput = step(seen, batch_idx)
        return made

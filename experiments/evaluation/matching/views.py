"""Further views of an image that are embedded beside it: test-time augmentation."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from pytorch_lightning import LightningModule
from torch import Tensor

from callbacks.metrics.directions import directions
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


def drawn(images: Tensor, number: int) -> Tensor:
    """Return a random view of ``(B, C, H, W)`` uint8 images, the same of all: closer and moved, an odd one mirrored.

    Args:
        images: As they are.
        number: Seeds what is drawn.
    """
    generator = np.random.default_rng(number)
    scale, (right, down) = generator.uniform(ZOOM, 1), generator.uniform(-2 * SHIFT, 2 * SHIFT, 2)
    rows = [[-scale if number % 2 else scale, 0, right], [0, scale, down]]
    theta = torch.tensor(rows, dtype=torch.float32, device=images.device).expand(len(images), 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    found = F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return found.round().to(images.dtype)


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


class RandomViews(LightningModule):
    """Embeds images and random views of them by another module: the control of matched comparison.

    Args:
        module: Its ``predict_step`` embeds; weights are shared.
        number: Of views of an image, itself included.
    """

    def __init__(self, module: LightningModule, number: int) -> None:
        super().__init__()
        self.module = module
        self.number = number

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Return what :func:`joined` makes of all views as ``embedding``, ``(B, D)``."""
        images = batch["image"]
        seen = [images, *(drawn(images, number) for number in range(1, self.number))]
        step: Any = self.module.predict_step
        with torch.no_grad():
            parts = [step(FaceBatch(**{**batch, "image": one}), batch_idx)["embedding"] for one in seen]
        return {"embedding": joined(parts)}


def joined(embeddings: Sequence[Tensor]) -> Tensor:
    """Return the direction of the sum of directions of ``(B, D)`` embeddings, as long as these are on average."""
    length = torch.linalg.vector_norm(torch.stack(list(embeddings)), dim=2).mean(0)[
        :, None
    ]  # (B, 1), a quality for some
    together: Tensor = directions(sum(map(directions, embeddings), torch.zeros(()))) * length
    return together

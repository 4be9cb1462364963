"""Grids of faces, what is segmented in them, and deep responses (SOIDN paper, Fig. 3, 8, 10 and 11)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.utils import make_grid, save_image

from callbacks.figures.style import OCCLUDER_COLOUR, TINT
from datamodules.whole_file import whole_file
from lightning_modules.outputs import StepOutput
from losses.label_map import IGNORE, counted, occluded

IGNORED_LEVEL = 0.35
"""How bright what a label map ignores is drawn."""


def draw_responses(images: Tensor, output: StepOutput, path: Path, *, num_channels: int = 4) -> None:
    """Draw faces, what a network segments in them and, where it has one, its deep response.

    Args:
        images: ``(B, 3, H, W)`` uint8.
        output: Of a module that segments: ``segmentation``, and perhaps ``deep_response``.
        path: Where to write the picture.
        num_channels: Channels of the deep response shown.
    """
    rows = [pixels(images), tinted(pixels(images), output["segmentation"].cpu())]
    if "deep_response" in output:
        examples = [
            {"image": i, "deep_response": r.cpu()} for i, r in zip(images, output["deep_response"], strict=True)
        ]
        rows += response_rows(examples, num_channels)[1:]
    save_grid(path, *rows)


def save_grid(path: Path, *rows: Tensor) -> None:
    """Write a grid whose rows are ``(B, 3, H, W)`` stacks of the same faces."""
    magnify = max(1, 128 // rows[0].shape[-1])
    grid = make_grid(torch.cat(rows), nrow=len(rows[0]), padding=2, pad_value=1.0)
    with whole_file(path) as file:
        save_image(interpolate(grid[None], scale_factor=magnify)[0], file, format="png")


def segmentation_rows(examples: Sequence[dict[str, Tensor]]) -> list[Tensor]:
    """Return faces, and the same with the true and the seen occluder tinted, where the truth does not ignore it."""
    images = pixels(torch.stack([e["image"] for e in examples]))
    truth, seen = (torch.stack([e[key] for e in examples]) for key in ("mask", "segmentation"))
    return [images, tinted(images, truth), tinted(images, seen.masked_fill(~counted(truth), IGNORE))]


def response_rows(examples: Sequence[dict[str, Tensor]], num_channels: int) -> list[Tensor]:
    """Return faces and some channels of their deep responses, each from black to white."""
    images = pixels(torch.stack([e["image"] for e in examples]))
    response = torch.stack([e["deep_response"] for e in examples])[:, :num_channels].float()  # (B, C, h, w)
    low, high = response.amin((2, 3), keepdim=True), response.amax((2, 3), keepdim=True)
    scaled = interpolate((response - low) / (high - low).clamp(min=1e-6), images.shape[-2:])
    return [images, *(grey(channel) for channel in scaled.unbind(1))]


def pixels(images: Tensor) -> Tensor:
    """Return ``(B, 3, H, W)`` uint8 images as they are drawn, from 0 to 1."""
    return images.cpu().float() / 255


def grey(maps: Tensor) -> Tensor:
    """Return ``(B, H, W)`` maps as images, ``(B, 3, H, W)``."""
    return maps.cpu()[:, None].expand(-1, 3, -1, -1)


def label_levels(masks: Tensor) -> Tensor:
    """Return ``(B, H, W)`` label maps as levels of grey: white is an occluder, grey what is ignored."""
    return occluded(masks).float() + IGNORED_LEVEL * (~counted(masks)).float()


def tinted(images: Tensor, masks: Tensor) -> Tensor:
    """Return images with what label maps cover in the occluder's colour; what they ignore is grey and dark."""
    weight = TINT * grey(occluded(masks).float())
    shown = (1 - weight) * images + weight * torch.tensor(OCCLUDER_COLOUR)[:, None, None]
    dark = IGNORED_LEVEL * images.mean(1, keepdim=True).expand_as(images)
    return torch.where(grey(counted(masks)), shown, dark)

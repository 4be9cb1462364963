"""Occluders drawn on the device of a training, a whole batch at once."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.augmentation import Change
from datamodules.occluders.drawing_plan import Layer, PlanningOccluder
from datamodules.occluders.occluder import Occluder
from datamodules.seams.face_batch import FaceBatch

PIXELS_AT_ONCE = 1 << 22


class Drawing(NamedTuple):
    """What is still to be drawn of a batch of ``B`` faces: ``L`` layers, and a change of each."""

    image: NDArray[np.int64]
    """Of each layer, the place of its image in the batch, ``(L,)``."""
    turn: NDArray[np.int64]
    """How many layers of the same image come before, ``(L,)``."""
    sprite: NDArray[np.int64]
    """``(L,)``; with ``level``, what is drawn."""
    level: NDArray[np.int64]
    matrix: NDArray[np.float32]
    """``(L, 2, 3)``: pixels of the image to pixels of the level."""
    gain: NDArray[np.float32]
    """``(L, 3)``: factors on red, green and blue."""
    flipped: NDArray[np.bool_]
    """``(B,)``"""
    table: NDArray[np.uint8]
    """``(B, 256)``: the level that each level of an image becomes in the end."""


PLAIN = Change(False, np.arange(256, dtype=np.uint8))


def joined(layers: Sequence[Sequence[Layer]], changes: Sequence[Change]) -> Drawing:
    """Return what is to be drawn of a batch, by what is of each of its faces."""
    every = [(image, turn, layer) for image, own in enumerate(layers) for turn, layer in enumerate(own)]
    matrices = np.array([_inverted(layer.matrix) for *_, layer in every], np.float64).reshape(-1, 2, 3)
    return Drawing(
        image=np.array([image for image, *_ in every], np.int64),
        turn=np.array([turn for _, turn, _ in every], np.int64),
        sprite=np.array([layer.sprite for *_, layer in every], np.int64),
        level=np.array([layer.level for *_, layer in every], np.int64),
        matrix=matrices.astype(np.float32),
        gain=np.array([layer.gain for *_, layer in every], np.float32).reshape(-1, 3),
        flipped=np.array([change.flipped for change in changes], np.bool_),
        table=np.stack([change.table for change in changes]),
    )


def _inverted(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    inverse = np.linalg.inv(matrix[:, :2])
    return np.concatenate([inverse, -inverse @ matrix[:, 2:]], 1)


class DeviceDrawing:
    """Draws layers of template occluders on batches, as :func:`~datamodules.occluders.paste.paste` does on one image.

    Label maps are the loading processes' own, to the last bit those of a training that draws there. Pixels are rounded
    as there, from sums that a device takes in another order: some differ by a level.

    Args:
        occluder: Has the instances; each of their levels is put on the device when it is first drawn, and kept there.
            One that cannot plan draws in the loading processes, and no layer is left of it.
    """

    def __init__(self, occluder: Occluder | None) -> None:
        self.occluder = occluder
        self._pixels = torch.zeros(0, 4, dtype=torch.uint8)
        self._where: dict[tuple[int, int], tuple[int, int, int]] = {}

    def finished(self, batch: FaceBatch) -> FaceBatch:
        """Return a batch on its device with nothing left to draw."""
        drawing = batch.pop("drawing", None)
        if drawing is not None:
            batch["image"] = self(batch["image"], drawing)
        return batch

    def __call__(self, images: Tensor, drawing: Drawing) -> Tensor:
        """Return a batch ``(B, 3, H, W)`` uint8 with what was still to be drawn, and augmented."""
        images = images.clone()  # keeps the order of its strides
        self._fetch(zip(drawing.sprite.tolist(), drawing.level.tolist(), strict=True), images.device)
        at_once = max(1, PIXELS_AT_ONCE // (images.shape[2] * images.shape[3]))
        for turn in range(int(drawing.turn.max(initial=-1)) + 1):
            for chosen in _parts(np.flatnonzero(drawing.turn == turn), at_once):
                place = torch.from_numpy(drawing.image[chosen]).to(images.device)
                images[place] = self._covered(images[place], drawing, chosen)
        for part in _parts(np.arange(len(images)), at_once):
            images[part[0] : part[-1] + 1] = _changed(images[part[0] : part[-1] + 1], drawing, part)
        return images

    def _fetch(self, wanted: Iterator[tuple[int, int]], device: torch.device) -> None:
        """Put the levels that are not there yet on the device."""
        start, new = len(self._pixels), []
        for sprite, level in dict.fromkeys(wanted):
            if (sprite, level) not in self._where:
                rgba = cast(PlanningOccluder, self.occluder).sprite(sprite).levels[level].rgba
                self._where[sprite, level] = (start, *rgba.shape[:2])
                new.append(torch.from_numpy(np.ascontiguousarray(rgba)).reshape(-1, 4))
                start += len(new[-1])
        self._pixels = torch.cat([self._pixels.to(device), *(part.to(device) for part in new)])

    def _covered(self, images: Tensor, drawing: Drawing, chosen: NDArray[np.int64]) -> Tensor:
        """Return images ``(n, 3, H, W)`` under one layer each."""
        device = images.device
        keys = zip(drawing.sprite[chosen].tolist(), drawing.level[chosen].tolist(), strict=True)
        where = torch.tensor([self._where[key] for key in keys], device=device)
        matrix, gain = (torch.from_numpy(values[chosen]).to(device) for values in (drawing.matrix, drawing.gain))
        rgba = self._warped(where, matrix, images.shape[2:])  # (n, 4, H, W)
        colour = (rgba[:, :3] * gain[:, :, None, None]).round_()
        shown = (images * ((255 - rgba[:, 3:]) * (1 / 255))).round_()
        return (colour.clamp_(max=255) + shown).clamp_(max=255).to(torch.uint8)

    def _warped(self, where: Tensor, matrix: Tensor, size: torch.Size) -> Tensor:
        """Return levels, bilinear between their pixels and nothing beyond them, ``(n, 4, H, W)`` float32, rounded."""
        rows, columns = (torch.arange(side, dtype=torch.float32, device=matrix.device) for side in size)
        terms = matrix[:, :, :, None, None]  # (n, 2, 3, 1, 1)
        place = terms[:, :, 0] * columns + (terms[:, :, 1] * rows[:, None] + terms[:, :, 2])  # (n, 2, H, W): x, y
        first = place.floor()
        rest = place - first
        start, height, width = where[:, :, None, None].unbind(1)
        total = torch.zeros(len(matrix), 4, *size, device=matrix.device)
        for down in (0, 1):
            for right in (0, 1):
                x, y = first[:, 0].long() + right, first[:, 1].long() + down
                inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
                index = start + y.clamp(min=0).minimum(height - 1) * width + x.clamp(min=0).minimum(width - 1)
                share = (rest[:, 0] if right else 1 - rest[:, 0]) * (rest[:, 1] if down else 1 - rest[:, 1])
                total += self._pixels[index].permute(0, 3, 1, 2) * (share * inside)[:, None]
        return total.round_()


def _changed(images: Tensor, drawing: Drawing, part: NDArray[np.int64]) -> Tensor:
    """Return images flipped and with other levels, where they are to be so."""
    flipped, table = (torch.from_numpy(values[part]).to(images.device) for values in (drawing.flipped, drawing.table))
    turned = torch.where(flipped[:, None, None, None], images.flip(3), images)
    return torch.gather(table, 1, turned.flatten(1).long()).view(turned.shape)


def _parts(values: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    yield from (values[start : start + size] for start in range(0, len(values), size))

"""Occlusion maps that visitors ask for: of a pair's score, and of the class that a classifier sees in a face."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.occlusion_sensitivity import NotFiniteError, occlusion_maps
from callbacks.occlusion_sensitivity.occluded_embeddings import (
    NoDirectionError,
    OccludedEmbedder,
    OccludedEmbeddings,
)
from callbacks.occlusion_sensitivity.verification_maps import Covered, covered_scores
from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from experiments.demo_page.face_model import FaceModel, stacked

GREY = 127.5
ROWS_AT_ONCE = 4
"""Rows of centres between two looks at the progress, and two turns of others."""
Progress = Callable[[float], None]
"""Called with the share that is done."""


@dataclass(frozen=True)
class FaceMap:
    """Values at the centres of an occluder."""

    face: UInt8Image
    """``(S, S, 3)``: what the map lies over."""
    values: NDArray[np.float32]
    """``(h, w)``."""
    rows: NDArray[np.int64]
    """``(h,)``: of the centres, in pixels."""
    columns: NDArray[np.int64]
    """``(w,)``."""
    clean: float
    """The value without an occluder."""
    what: str
    """What the values are, in words."""


def pair_map(
    model: FaceModel,
    first: UInt8Image,
    second: UInt8Image,
    *,
    covered: Covered,
    occluder: int,
    stride: int,
    progress: Progress,
) -> FaceMap:
    """Return the score of a pair with an occluder at each centre, as ``verification_maps`` does.

    Args:
        model: Embeds.
        first: ``(S, S, 3)`` uint8 RGB, of the model's size.
        second: ``(S, S, 3)``.
        covered: Which faces are covered.
        occluder: Side of the grey square in pixels.
        stride: Pixels between its centres.
        progress: Is told what is done.

    Raises:
        DataError: If the model cannot embed the faces, or the square is larger than they are.
    """
    if model.embedding_network is None:
        raise DataError(f"{model.name}: expected a model that embeds faces, got one that does not")
    pixels = model.module.pixels(stacked([first, second]))
    try:
        with model.turn:
            embed = OccludedEmbedder(
                model.embedding_network,
                pixels[:1],
                occluder_size=(occluder, occluder),
                fill=grey(model),
                stride=stride,
                method="dense" if model.is_program else "incremental",
            )
        sides = [covered in ("both", "first"), covered in ("both", "second")]
        parts = _Parts(model, embed, progress, faces=sum(sides))
        found = [parts.embedded(pixels[k : k + 1], occluded=side) for k, side in enumerate(sides)]
    except (NotFiniteError, NoDirectionError) as error:
        raise DataError(
            f"{model.name}: expected finite embeddings other than 0 of covered faces, got others"
        ) from error
    except ValueError as error:
        raise DataError(f"{model.name}: {error}") from error
    scores = covered_scores(found[0], found[1], covered)[0]
    clean = float((found[0].clean * found[1].clean).sum())
    shown = second if covered == "second" else first
    return FaceMap(shown, scores.numpy(), embed.rows.numpy(), embed.columns.numpy(), clean, "score")


@dataclass
class _Parts:
    """Embeds a face with an occluder at some rows of centres at a time."""

    model: FaceModel
    embed: OccludedEmbedder
    progress: Progress
    faces: int
    _done: int = 0

    def embedded(self, face: Tensor, *, occluded: bool) -> OccludedEmbeddings:
        if not occluded:
            with self.model.turn:
                clean = self.embed.clean(face)
            return OccludedEmbeddings(clean, clean[:, None, None])
        found = []
        for rows in torch.split(self.embed.rows, ROWS_AT_ONCE):
            part = copy(self.embed)
            part.rows = rows
            with self.model.turn:
                found.append(part(face))
            self._done += len(rows)
            self.progress(self._done / (self.faces * len(self.embed.rows)))
        return OccludedEmbeddings(found[0].clean, torch.cat([one.occluded for one in found], 1))


def class_map(model: FaceModel, face: UInt8Image, *, occluder: int, stride: int) -> FaceMap:
    """Return the probability of the class that a classifier sees in a face, with an occluder at each centre.

    Raises:
        DataError: If the model has no classes, or the square is larger than the face.
    """
    network = model.classifier
    if network is None:
        raise DataError(f"{model.name}: expected a model that was trained here and has classes, got one without")
    pixels = model.module.pixels(stacked([face]))
    try:
        with model.turn, torch.no_grad():
            logits: Tensor = network.eval()(pixels)
            maps = occlusion_maps(
                network,
                pixels,
                logits.argmax(1),
                occluder_size=(occluder, occluder),
                fill=grey(model),
                stride=stride,
                all_scores=True,
            )
    except ValueError as error:
        raise DataError(f"{model.name}: {error}") from error
    number = int(logits.argmax())
    values = maps.scores[0].softmax(-1)[..., number]
    clean = float(logits.softmax(1)[0, number])
    return FaceMap(
        face, values.numpy(), maps.rows.numpy(), maps.columns.numpy(), clean, f"probability of class {number}"
    )


def grey(model: FaceModel) -> Tensor:
    """Return the occluder's values as the network takes them, ``(C,)``."""
    with torch.no_grad():
        found: Tensor = model.module.pixels(torch.full((1, 3, 1, 1), GREY)).flatten()
    return found

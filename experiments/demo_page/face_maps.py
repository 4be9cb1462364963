"""Occlusion maps that visitors ask for: of a pair's score, and of the class that a classifier sees in a face."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.occlusion_sensitivity import NotFiniteError
from callbacks.occlusion_sensitivity.centres import centres
from callbacks.occlusion_sensitivity.maps import MEMORY, check_images, evaluated, evaluator_for
from callbacks.occlusion_sensitivity.occluded_embeddings import (
    NoDirectionError,
    OccludedEmbeddings,
)
from callbacks.occlusion_sensitivity.verification_maps import Covered, covered_scores
from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from experiments.demo_page.face_mapper import grey
from experiments.demo_page.face_model import FaceModel, stacked
from experiments.demo_page.turns import Steps, in_turn


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
    note: str = ""
    """Why all of every picture was computed, in words; empty where it was not."""


def pair_map(
    model: FaceModel, first: UInt8Image, second: UInt8Image, *, covered: Covered, occluder: int, stride: int
) -> Steps[FaceMap]:
    """Return the score of a pair with an occluder at each centre, as ``verification_maps`` does, in steps.

    Args:
        model: Embeds.
        first: ``(S, S, 3)`` uint8 RGB, of the model's size.
        second: ``(S, S, 3)``.
        covered: Which faces are covered.
        occluder: Side of the grey square in pixels.
        stride: Pixels between its centres.

    Raises:
        DataError: If the model cannot embed the faces, or the square is larger than they are.
    """
    faces = stacked([first, second])
    pixels = model.module.pixels(faces)
    sides = torch.tensor([covered in ("both", "first"), covered in ("both", "second")])
    with _refusals(model):
        with model.turn:
            embed, note = model.mapper(faces, occluder=occluder, stride=stride, images=int(sides.sum()))
            clean = embed.clean(pixels)
            found, steps = embed.begun(pixels[sides])
        yield from in_turn(model.turn, steps)
    one, other = (_side(found, clean, sides, k) for k in (0, 1))
    scores = covered_scores(one, other, covered)[0]
    return FaceMap(
        second if covered == "second" else first,
        scores.numpy(),
        embed.rows.numpy(),
        embed.columns.numpy(),
        float((clean[0] * clean[1]).sum()),
        "score",
        note,
    )


def _side(found: OccludedEmbeddings, clean: Tensor, sides: Tensor, side: int) -> OccludedEmbeddings:
    """Return the embeddings of one face, whether it was covered or not."""
    without = clean[side : side + 1]
    if not sides[side]:
        return OccludedEmbeddings(without, without[:, None, None])
    return OccludedEmbeddings(without, found.at(sides[:side].sum()[None]).occluded)


def class_map(model: FaceModel, face: UInt8Image, *, occluder: int, stride: int) -> Steps[FaceMap]:
    """Return the probability of the class that a classifier sees in a face, with an occluder at each centre, in steps.

    Raises:
        DataError: If the model has no classes, or the square is larger than the face.
    """
    network = model.classifier
    if network is None:
        raise DataError(f"{model.name}: expected a model that was trained here and has classes, got one without")
    pixels, size = model.module.pixels(stacked([face])), (occluder, occluder)
    with _refusals(model):
        check_images(pixels, size, stride=stride)
        at = [centres(length, stride) for length in pixels.shape[2:]]
        values = torch.empty(len(at[0]), len(at[1]))
        with model.turn, torch.no_grad():
            seen: Tensor = network.eval()(pixels)[0].softmax(0)
            number = int(seen.argmax())
            evaluator = evaluator_for(
                network, pixels, size, grey(model.module), None, "incremental", MEMORY, positions=values.numel()
            )
        done = 0
        for where, logits in in_turn(model.turn, evaluated(evaluator, pixels, at, False, torch.zeros(1).long())):
            values[where[1:]] = logits.softmax(1)[:, number]
            yield (done := done + len(logits)) / values.numel()
        if not (values.isfinite().all() and seen.isfinite().all()):
            raise NotFiniteError(0)
    shown = f"probability of class {number}"
    return FaceMap(face, values.numpy(), at[0].numpy(), at[1].numpy(), float(seen[number]), shown)


@contextmanager
def _refusals(model: FaceModel) -> Iterator[None]:
    """Let what the engine refuses name the model."""
    try:
        yield
    except (NotFiniteError, NoDirectionError) as error:
        raise DataError(f"{model.name}: expected finite outputs other than 0 of covered faces, got others") from error
    except ValueError as error:
        raise DataError(f"{model.name}: {error}") from error

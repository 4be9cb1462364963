"""A folder of faces that is enrolled and searched, with and without a second look at the first candidates."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.metrics.directions import directions
from callbacks.recognition.matched_comparison import matched_scores
from callbacks.recognition.pair_scorer import RERANKED
from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from experiments.demo_page.face_model import AT_ONCE, FaceModel, stacked
from experiments.demo_page.gallery_folder import images_of, readable
from experiments.demo_page.pair_comparison import MATCHING, hard, occluders_of
from experiments.demo_page.turns import Steps

SHOWN = 5
Crop = Callable[[Path, str], UInt8Image]
"""Maps a file and its name to a crop of the model's size."""


@dataclass(frozen=True)
class Gallery:
    """Enrolled faces."""

    folder: Path
    model: str
    key: str
    """What tells the model apart from others of its name."""
    names: Sequence[str]
    """Paths below the folder."""
    directions: Tensor
    """``(N, D)``, of length 1."""
    left_out: Sequence[str]
    """One line for each file that could not be used."""
    crop: Crop
    """What made the faces: shown and compared again, they are the same."""


class Candidate(NamedTuple):
    """A face that was found."""

    name: str
    score: float
    face: UInt8Image


class Found(NamedTuple):
    """What a search finds."""

    plain: list[Candidate]
    reranked: list[Candidate] | None
    """After matched comparison; ``None`` where nothing segments."""


def enrolled(folder: Path, model: FaceModel, crop: Crop) -> Steps[Gallery]:
    """Embed all faces of a folder, in steps; what cannot be used is left out and said.

    Raises:
        DataError: If none can be used, or the model embeds nothing.
    """
    names, left_out, kept, parts = images_of(folder), [], [], []
    for start in range(0, len(names), AT_ONCE):
        yield start / len(names)
        faces = []
        for name in names[start : start + AT_ONCE]:
            try:
                faces.append(read(folder, name, crop))
                kept.append(name)
            except DataError as error:
                left_out.append(str(error))
        if faces:
            parts.append(model.embed(stacked(faces)))
    if not kept:
        raise DataError(f"{readable(folder.name)}: expected faces, got none that can be used: {left_out[0]}")
    return Gallery(folder, model.name, model.key, kept, directions(torch.cat(parts)), left_out, crop)


def read(folder: Path, name: str, crop: Crop) -> UInt8Image:
    """Return a face of a folder.

    Raises:
        DataError: If it is gone, is a link by now, or no face.
    """
    path = folder / name
    if Path(os.path.realpath(path)) != Path(os.path.realpath(folder)) / name:
        raise DataError(f"{readable(name)}: expected a file of the gallery itself, got a link")
    return crop(path, readable(name))


def searched(gallery: Gallery, face: UInt8Image, model: FaceModel, masks: FaceModel | None) -> Found:
    """Return the faces that are most alike, and in which order matched comparison puts the first of them.

    Args:
        gallery: Of the same model.
        face: ``(S, S, 3)`` uint8 RGB: who is looked for.
        model: Embeds.
        masks: Segments, if anything does.

    Raises:
        DataError: If a face is gone, or the gallery is another model's.
    """
    if gallery.key != model.key:
        raise DataError(f"Expected a gallery of {model.name}, got one of {gallery.model}: enrol it once more")
    probe = stacked([face])
    scores = (gallery.directions @ directions(model.embed(probe))[0]).topk(min(RERANKED, len(gallery.names)))
    names = [gallery.names[place] for place in scores.indices.tolist()]
    faces = [read(gallery.folder, name, gallery.crop) for name in names]
    plain = [Candidate(*one) for one in zip(map(readable, names), scores.values.tolist(), faces, strict=True)]
    others, seen = stacked(faces), occluders_of(masks, torch.cat([probe, stacked(faces)]))
    if seen is None:
        return Found(plain[:SHOWN], None)
    covered = hard(seen)
    many = probe.expand(len(faces), -1, -1, -1).contiguous()
    again = matched_scores(model.embed, many, others, covered[:1].expand(len(faces), -1, -1), covered[1:], MATCHING)
    order = again.argsort(descending=True, stable=True).tolist()
    reranked = [plain[place]._replace(score=float(again[place])) for place in order]
    return Found(plain[:SHOWN], reranked[:SHOWN])

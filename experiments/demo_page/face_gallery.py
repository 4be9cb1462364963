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
from datamodules.sources.decode import IMAGE_EXTENSIONS
from experiments.demo_page.face_model import AT_ONCE, FaceModel, stacked
from experiments.demo_page.pair_comparison import MATCHING, hard, occluders_of

MOST_IMAGES = 2000
SHOWN = 5
Crop = Callable[[Path, str], UInt8Image]
"""Maps a file and its name to a crop of the model's size."""


@dataclass(frozen=True)
class Gallery:
    """Enrolled faces."""

    folder: Path
    model: str
    names: Sequence[str]
    """Paths below the folder."""
    directions: Tensor
    """``(N, D)``, of length 1."""
    left_out: Sequence[str]
    """One line for each file that could not be used."""


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


def chosen_folder(text: str, allowed: Sequence[Path]) -> Path:
    """Return a folder that is one of those allowed, or below one; links are followed before it is looked at.

    Raises:
        DataError: If it is none.
    """
    if "\0" in text or not text.strip():
        raise DataError("Expected the name of a folder, got none")
    given = Path(text.strip())
    tried = [given, *(one.parent / given for one in allowed), *(one / given for one in allowed)]
    for folder in tried:
        place = Path(os.path.realpath(folder))
        if any(place.is_relative_to(os.path.realpath(one)) for one in allowed) and place.is_dir():
            return place
    names = ", ".join(str(one) for one in allowed)
    raise DataError(
        f"Expected a folder below one of those that the page was started with, {names}, got {text.strip()!r}"
    )


def images_of(folder: Path, most: int = MOST_IMAGES) -> list[str]:
    """Return the images at any depth of a folder, as paths below it; links that lead out of it are passed over.

    Raises:
        DataError: If there are none, or too many: those beyond are not even listed.
    """
    found: list[str] = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(here).relative_to(folder)
        for name in sorted(files):
            file = Path(here, name)
            if name.startswith(".") or not name.lower().endswith(IMAGE_EXTENSIONS) or file.is_symlink():
                continue
            found.append(str(below / name))
            if len(found) > most:
                raise DataError(f"{folder.name}: expected at most {most:,} images in a gallery, got more")
    if not found:
        raise DataError(f"{folder.name}: expected a folder with images, got none")
    return found


def enrolled(folder: Path, model: FaceModel, crop: Crop, told: Callable[[float], None] = lambda share: None) -> Gallery:
    """Embed all faces of a folder; what cannot be used is left out and said.

    Raises:
        DataError: If none can be used, or the model embeds nothing.
    """
    names, left_out, kept, parts = images_of(folder), [], [], []
    for start in range(0, len(names), AT_ONCE):
        told(start / len(names))
        faces = []
        for name in names[start : start + AT_ONCE]:
            try:
                faces.append(crop(folder / name, name))
                kept.append(name)
            except DataError as error:
                left_out.append(str(error))
        if faces:
            parts.append(model.embed(stacked(faces)))
    if not kept:
        raise DataError(f"{folder.name}: expected faces, got none that can be used: {left_out[0]}")
    return Gallery(folder, model.name, kept, directions(torch.cat(parts)), left_out)


def searched(gallery: Gallery, face: UInt8Image, model: FaceModel, masks: FaceModel | None, crop: Crop) -> Found:
    """Return the faces that are most alike, and in which order matched comparison puts the first of them.

    Args:
        gallery: Of the same model.
        face: ``(S, S, 3)`` uint8 RGB: who is looked for.
        model: Embeds.
        masks: Segments, if anything does.
        crop: Reads a face of the gallery once more.

    Raises:
        DataError: If a face is gone, or the gallery is another model's.
    """
    if gallery.model != model.name:
        raise DataError(f"Expected a gallery of {model.name}, got one of {gallery.model}: enrol it once more")
    probe = stacked([face])
    scores = (gallery.directions @ directions(model.embed(probe))[0]).topk(min(RERANKED, len(gallery.names)))
    names = [gallery.names[place] for place in scores.indices.tolist()]
    faces = [crop(gallery.folder / name, name) for name in names]
    plain = [Candidate(*one) for one in zip(names, scores.values.tolist(), faces, strict=True)]
    others, seen = stacked(faces), occluders_of(masks, torch.cat([probe, stacked(faces)]))
    if seen is None:
        return Found(plain[:SHOWN], None)
    covered = hard(seen)
    many = probe.expand(len(faces), -1, -1, -1).contiguous()
    again = matched_scores(model.embed, many, others, covered[:1].expand(len(faces), -1, -1), covered[1:], MATCHING)
    order = again.argsort(descending=True, stable=True).tolist()
    reranked = [plain[place]._replace(score=float(again[place])) for place in order]
    return Found(plain[:SHOWN], reranked[:SHOWN])

"""Two faces compared: what covers them, how alike they are, and how alike where both are covered the same."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics.directions import directions
from callbacks.recognition.dressing import covered_shares, dressed, prepared_masks
from callbacks.recognition.matched_comparison import matched_scores
from callbacks.recognition.matching import Matching
from datamodules.seams.face_source import UInt8Image
from experiments.demo_page.face_model import FaceModel, stacked

MATCHING = Matching()
COVERED_FROM = 0.5
"""Probability of an occluder from which on a pixel is taken for covered, wherever faces are compared."""


@dataclass(frozen=True)
class PairComparison:
    """What became of two faces."""

    faces: tuple[UInt8Image, UInt8Image]
    """As they are compared, ``(S, S, 3)``."""
    occluders: NDArray[np.float32] | None
    """Probability of an occluder, ``(2, S, S)``; ``None`` where no model says it."""
    plain: float
    """Cosine similarity."""
    matched: float | None
    """Score of faces that are covered alike; ``None`` where no occluder counts."""
    dressed: tuple[UInt8Image, UInt8Image] | None
    """The faces as each wears what covers the other."""

    @property
    def is_covered(self) -> bool:
        """Whether an occluder counts."""
        return self.matched is not None


def compare(model: FaceModel, masks: FaceModel | None, first: UInt8Image, second: UInt8Image) -> PairComparison:
    """Compare two crops of the model's size.

    Args:
        model: Embeds.
        masks: Segments; ``None`` where nothing does.
        first: ``(S, S, 3)`` uint8 RGB.
        second: ``(S, S, 3)`` uint8 RGB.

    Raises:
        DataError: If the model cannot embed them.
    """
    faces = stacked([first, second])
    found = occluders_of(masks, faces)
    covered = torch.zeros(2, *faces.shape[2:]) if found is None else hard(found)
    worn = worn_by(faces, covered)
    embed = Remembering(model.embed)
    embed(torch.cat([faces, worn]))  # all that follows asks for, at once
    plain = float(cosines(embed, faces[:1], faces[1:]))
    shown = (first, second), None if found is None else found.numpy().astype(np.float32), plain
    if not len(worn):
        return PairComparison(*shown, None, None)
    matched = float(matched_scores(embed, faces[:1], faces[1:], covered[:1], covered[1:], MATCHING))
    return PairComparison(*shown, matched, (picture(worn[0]), picture(worn[1])))


def worn_by(faces: Tensor, covered: Tensor) -> Tensor:
    """Return two faces as each wears what covers the other, ``(2, 3, S, S)`` uint8, or none, ``(0, …)``.

    Args:
        faces: ``(2, 3, S, S)`` uint8.
        covered: ``(2, S, S)`` float32: 1 where an occluder is. Where none counts, nothing is worn.
    """
    shares = covered_shares(covered)
    counts = MATCHING.counts(shares)
    if not counts.any() or MATCHING.whole(shares).any():
        return faces[:0]
    one, other = (prepared_masks(mask[None], MATCHING) * count for mask, count in zip(covered, counts, strict=True))
    return torch.cat([*dressed(faces[:1], faces[1:], one, other, MATCHING)])


class Remembering:
    """Embeds each face once, however often it is asked for.

    Args:
        embed: Maps faces ``(N, 3, S, S)`` uint8 to embeddings ``(N, D)``.
    """

    def __init__(self, embed: Callable[[Tensor], Tensor]) -> None:
        self.embed = embed
        self._known: dict[bytes, Tensor] = {}

    def __call__(self, faces: Tensor) -> Tensor:
        """Return the embeddings ``(N, D)`` of faces ``(N, 3, S, S)``."""
        keys = [face.numpy().tobytes() for face in faces]
        new = {key: face for key, face in zip(keys, faces, strict=True) if key not in self._known}
        if new:
            self._known.update(zip(new, self.embed(torch.stack([*new.values()])), strict=True))
        return torch.stack([self._known[key] for key in keys])


def occluders_of(masks: FaceModel | None, faces: Tensor) -> Tensor | None:
    """Return the probability of an occluder at each pixel of ``(N, 3, S, S)`` faces, ``(N, S, S)``, or ``None``.

    Faces are brought to the size that the model takes, and what it says back to theirs.
    """
    if masks is None:
        return None
    side = faces.shape[2]
    seen = faces if side == masks.size else _resized(faces, masks.size)
    found = masks.occluders(seen)
    if found is None or side == masks.size:
        return found
    return torch.nn.functional.interpolate(found[:, None], size=(side, side), mode="bilinear")[:, 0].clamp(0, 1)


def hard(probabilities: Tensor) -> Tensor:
    """Return where faces are taken for covered, ``(N, S, S)`` float32 of 0 and 1."""
    return (probabilities > COVERED_FROM).float()


def cosines(embed: Callable[[Tensor], Tensor], first: Tensor, second: Tensor) -> Tensor:
    """Return the cosine similarity of pairs of faces, ``(N,)``."""
    return (directions(embed(first)) * directions(embed(second))).sum(1)


def picture(face: Tensor) -> UInt8Image:
    """Return a face ``(3, S, S)`` as an image ``(S, S, 3)`` uint8."""
    return np.ascontiguousarray(face.permute(1, 2, 0).to(torch.uint8).numpy())


def _resized(faces: Tensor, side: int) -> Tensor:
    smaller = torch.nn.functional.interpolate(faces.float(), size=(side, side), mode="bilinear", antialias=True)
    return smaller.round().clamp(0, 255).to(torch.uint8)

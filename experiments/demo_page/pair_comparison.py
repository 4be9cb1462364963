"""Two faces compared: what covers them, how alike they are, and how alike where both are covered the same."""

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
    plain = float(cosines(model, faces[:1], faces[1:]))
    if found is None:
        return PairComparison((first, second), None, plain, None, None)
    covered = hard(found)
    shares = covered_shares(covered)
    counts = MATCHING.counts(shares)
    shown = (first, second), found.numpy().astype(np.float32), plain
    if not counts.any() or MATCHING.whole(shares).any():
        return PairComparison(*shown, None, None)
    one, other = covered[:1], covered[1:]
    matched = float(matched_scores(model.embed, faces[:1], faces[1:], one, other, MATCHING))
    counted = [prepared_masks(mask, MATCHING) * count for mask, count in zip((one, other), counts, strict=True)]
    worn = dressed(faces[:1], faces[1:], counted[0], counted[1], MATCHING)
    return PairComparison(*shown, matched, (picture(worn.first[0]), picture(worn.second[0])))


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


def cosines(model: FaceModel, first: Tensor, second: Tensor) -> Tensor:
    """Return the cosine similarity of pairs of faces, ``(N,)``."""
    return (directions(model.embed(first)) * directions(model.embed(second))).sum(1)


def picture(face: Tensor) -> UInt8Image:
    """Return a face ``(3, S, S)`` as an image ``(S, S, 3)`` uint8."""
    return np.ascontiguousarray(face.permute(1, 2, 0).to(torch.uint8).numpy())


def _resized(faces: Tensor, side: int) -> Tensor:
    smaller = torch.nn.functional.interpolate(faces.float(), size=(side, side), mode="bilinear", antialias=True)
    return smaller.round().clamp(0, 255).to(torch.uint8)

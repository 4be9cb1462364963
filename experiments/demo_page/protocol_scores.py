"""A model's scores of a protocol's pairs, plain and of faces that are covered alike, and the thresholds of both."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics.directions import directions
from callbacks.recognition.pair_scorer import Indices
from datamodules.errors import DataError
from datamodules.plain_faces import plain_faces
from datamodules.protocols import EvaluationProtocol
from datamodules.seams.evaluation_protocol import VerificationPairs
from experiments.demo_page.decision_points import ModelDecisions, decisions
from experiments.demo_page.face_model import AT_ONCE, FaceModel, stacked
from experiments.demo_page.pair_comparison import MATCHING, hard, occluders_of
from experiments.evaluation.matching.dressed_faces import DressedFaces
from experiments.evaluation.matching.matched_pairs import MatchedPairs
from experiments.evaluation.matching.occluder_masks import OccluderMasks

MOST_PAIRS = 3000
"""That are scored of a kind, half of them impostors, drawn by a seed."""
Told = Callable[[float, str], None]
"""Called with the share that is done and what is at work."""


def measure(protocol: EvaluationProtocol, model: FaceModel, masks: FaceModel | None, told: Told) -> ModelDecisions:
    """Score a protocol's pairs and return the thresholds.

    The first condition gives those of plain scores; all others together, whose second images are covered, give those of
    plain and of matched scores of covered pairs.

    Raises:
        DataError: If the protocol compares no pairs, or an image cannot be used.
    """
    if not protocol.verification:
        raise DataError(f"{protocol.name}: expected a protocol with pairs of faces, got none")
    first, *others = protocol.verification.values()
    clean = chosen(first, MOST_PAIRS)
    scores = PairScores(protocol, model, masks, told)
    said = f"pairs of {protocol.name} faces"
    plain = decisions(protocol.name, said, scores.plain(clean, "clean pairs"), clean.same)
    if masks is None or not others:
        return ModelDecisions(plain, None, None)
    covered = joined([chosen(one, MOST_PAIRS // len(others)) for one in others])
    said = f"pairs of {protocol.name} faces of which one is covered"
    found = [scores.plain(covered, "covered pairs"), scores.matched(covered, "covered pairs, matched")]
    return ModelDecisions(plain, *(decisions(protocol.name, said, one, covered.same) for one in found))


class PairScores:
    """Scores a protocol's pairs by a model; every image is embedded once, and what is made of pairs once each.

    Args:
        protocol: Its pairs.
        model: Embeds.
        masks: Segments; ``None`` where nothing does.
        told: Is told what is done.
    """

    def __init__(self, protocol: EvaluationProtocol, model: FaceModel, masks: FaceModel | None, told: Told) -> None:
        self.source = protocol.source
        self.model = model
        self.masks = masks
        self.told = told
        self._directions: dict[int, Tensor] = {}

    def plain(self, pairs: VerificationPairs, said: str) -> Tensor:
        """Return cosine similarities, ``(N,)``."""
        needed = [image for image in images_of_pairs(pairs) if image not in self._directions]
        for part in self._parts(needed, said):
            embeddings = directions(self.model.embed(self._faces(part, self.model.size)))
            self._directions.update(zip(part, embeddings, strict=True))
        one, other = (torch.stack([self._directions[image] for image in side.tolist()]) for side in _sides(pairs))
        return (one * other).sum(1)

    def matched(self, pairs: VerificationPairs, said: str) -> Tensor:
        """Return the scores of faces that are covered alike, ``(N,)``; :meth:`plain` comes first."""
        masks, number = self._occluders(pairs, f"{said}: masks"), len(self.source)
        shares = masks.shares()
        counts = MATCHING.counts(shares).numpy()
        known = torch.zeros(number, len(next(iter(self._directions.values()))))
        for image, direction in self._directions.items():
            known[image] = direction

        def worn(wearers: Indices, others: Indices) -> DressedFaces:
            return DressedFaces(self.source, masks, counts, wearers, others, MATCHING, self.model.size)

        def embedded(wearers: Indices, others: Indices) -> Tensor:
            made = worn(wearers, others)
            parts = self._parts(range(len(made)), said)
            return torch.cat([directions(self.model.embed(stacked([made.image(k) for k in part]))) for part in parts])

        scorer = MatchedPairs(known, shares, counts, MATCHING, embedded, 1, worn)
        return scorer(pairs.first, pairs.second)

    def _occluders(self, pairs: VerificationPairs, said: str) -> OccluderMasks:
        """Return the masks of all images of the source; those of no pair stay empty."""
        segmenter = self.masks or self.model
        side = segmenter.size
        bits = np.zeros((len(self.source), -(-(side**2) // 8)), np.uint8)
        for part in self._parts(images_of_pairs(pairs), said):
            found = occluders_of(segmenter, self._faces(part, side))
            if found is not None:
                bits[part] = np.packbits(hard(found).byte().numpy().reshape(len(part), -1), axis=1)
        return OccluderMasks(bits, side)

    def _parts(self, rows: Sequence[int], said: str) -> Iterator[list[int]]:
        for start in range(0, len(rows), AT_ONCE):
            self.told(start / len(rows), said)
            yield list(rows[start : start + AT_ONCE])

    def _faces(self, images: Sequence[int], side: int) -> Tensor:
        faces = plain_faces(self.source, np.asarray(images, np.int64), side)
        return stacked([faces[row].image for row in range(len(faces))])


def images_of_pairs(pairs: VerificationPairs) -> list[int]:
    """Return the images of pairs, each once."""
    found: list[int] = np.unique(np.concatenate(_sides(pairs))).tolist()
    return found


def _sides(pairs: VerificationPairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return pairs.first, pairs.second


def chosen(pairs: VerificationPairs, most: int) -> VerificationPairs:
    """Return at most so many pairs, as many genuine as impostors, drawn by a seed; without folds."""
    generator = np.random.default_rng(0)
    kinds = [np.flatnonzero(pairs.same == same) for same in (True, False)]
    rows = np.sort(np.concatenate([generator.permutation(kind)[: most // 2] for kind in kinds]))
    return VerificationPairs(pairs.first[rows], pairs.second[rows], pairs.same[rows], np.zeros(len(rows), np.int64))


def joined(parts: Sequence[VerificationPairs]) -> VerificationPairs:
    """Return the pairs of several as those of one."""
    first, second, same, fold = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("first", "second", "same", "fold")
    )
    return VerificationPairs(first, second, same, fold)

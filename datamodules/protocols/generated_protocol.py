"""A protocol on generated faces, so that an evaluation can be tried without a dataset."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from datamodules.occluders import Occluded, TemplateMixture
from datamodules.randomness import sample_generator
from datamodules.seams.comparisons import another_of_the_fold, first_of_each, genuine_and_impostor
from datamodules.seams.conditions import CLEAN
from datamodules.seams.evaluation_protocol import EvaluationProtocol, Identification, VerificationPairs
from datamodules.seams.face_source import FaceSource, Landmarks, UInt8Image
from datamodules.sources import SyntheticFaces

SEED = 10_000  # far from those of training
COVERED_SEED = 20_000
"""Of the few that are covered by all: others."""
FOLDS = 10
CATEGORIES = ("sunglasses", "scarf")
"""AR's occluders, drawn."""
SIX = (*CATEGORIES, "party_mask", "doctor_mask", "cup", "sunglasses+scarf")
"""All that cover the faces of a training's test."""
OCCLUDED = "occluded"
"""The condition of all of them together."""


def generated_protocol(
    identities: int = 100,
    images: int = 6,
    *,
    categories: Sequence[str] = CATEGORIES,
    name: str = "generated",
    seed: int = SEED,
    cache_dir: str | None = "data/synthetic",
) -> EvaluationProtocol:
    """Pairs and probes of generated identities: every genuine pair, as many impostor pairs, folds that share none.

    Conditions are ``all``, of clean faces, and one for each category, by default ``sunglasses`` and ``scarf``: the
    same, with second images and probes under held-out occluders.

    Args:
        identities: Number of identities, at least 20.
        images: Images of each, at least 2; the first is enrolled, the others are probes.
        categories: Of occluders.
        name: Of the protocol.
        seed: Seed of the identities.
        cache_dir: Where rendered faces and drawn occluders are kept.

    Raises:
        ValueError: If there are fewer identities or images: one would be compared with no other.
    """
    for setting, value, least in (("identities", identities, 2 * FOLDS), ("images", images, 2)):
        if value < least:
            raise ValueError(f"Expected `{setting}` of at least {least}, got {value}")
    faces = SyntheticFaces(identities, images, image_size=64, seed=seed, cache_dir=cache_dir)
    source = PartlyCovered(faces, categories, seed, cache_dir)
    one, two = np.triu_indices(images, 1)
    identity, turn = np.repeat(np.arange(identities), len(one)), np.tile(np.arange(len(one)), identities)
    other = another_of_the_fold(identity, turn, number=identities, folds=FOLDS)
    first, second = (identity * images + shot[turn] for shot in (one, two))
    others = other * images + two[turn]
    gallery, every = first_of_each(faces.identities), np.arange(len(faces))
    probes = np.setdiff1d(every, gallery)
    verification, identification = {}, {}
    for number, condition in enumerate(("all", *categories)):
        shift = number * len(faces)
        kinds = (first, second + shift), (first, others + shift)
        verification[condition] = genuine_and_impostor(*kinds, identity % FOLDS)
        identification[condition] = Identification(gallery, probes + shift)
    return EvaluationProtocol(name, source, verification, identification)


def covered_faces(
    seed: int = COVERED_SEED, *, identities: int = 100, cache_dir: str | None = "data/synthetic"
) -> EvaluationProtocol:
    """Few generated identities under six held-out occluders: what comparisons that embed much are measured on.

    Conditions are those of :func:`generated_protocol` and ``occluded``, all covered faces together: as many of each
    occluder.

    Args:
        seed: Seed of the identities.
        identities: Their number, at least 20, with two images each.
        cache_dir: Where rendered faces are kept.
    """
    one = generated_protocol(identities, 2, categories=SIX, name="covered", seed=seed, cache_dir=cache_dir)
    pairs = [one.verification[category] for category in SIX]
    first, second, same, fold = (
        np.concatenate([getattr(part, name) for part in pairs]) for name in ("first", "second", "same", "fold")
    )
    searches = [one.identification[category] for category in SIX]
    probes = np.concatenate([part.probes for part in searches])
    return replace(
        one,
        verification={**one.verification, OCCLUDED: VerificationPairs(first, second, same, fold)},
        identification={**one.identification, OCCLUDED: Identification(searches[0].gallery, probes)},
    )


class PartlyCovered:
    """A source of faces, followed by the same faces under each of some held-out occluders.

    Args:
        faces: The faces; they have landmarks.
        categories: Of occluders.
        seed: Of what covers which face.
        cache_dir: Where drawn occluders are kept.
    """

    def __init__(self, faces: FaceSource, categories: Sequence[str], seed: int, cache_dir: str | None = None) -> None:
        self.faces = faces
        self.seed = seed
        self.categories = tuple(categories)
        self._occluders = TemplateMixture(dict.fromkeys(categories, 1.0), "held_out", cache_dir=cache_dir)

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every image, ``(N,)``."""
        return np.tile(self.faces.identities, 1 + len(self.categories))

    @property
    def identity_names(self) -> Sequence[str]:
        """Name of every identity."""
        return self.faces.identity_names

    def __len__(self) -> int:
        return len(self.faces) * (1 + len(self.categories))

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(H, W, 3)`` uint8 RGB; its occluder is a function of the index."""
        return self._occluded(index).image

    def label_map(self, index: int) -> UInt8Image:
        """Label map of image ``index``, ``(H, W)`` uint8: 1 where an occluder covers it, all 0 for a clean one."""
        return self._occluded(index).mask

    def kind(self, index: int) -> str:
        """What covers image ``index``."""
        number = index // len(self.faces)
        return self.categories[number - 1] if number else CLEAN

    def _occluded(self, index: int) -> Occluded:
        number, face = divmod(index, len(self.faces))
        image, points = self.faces.image(face), self.faces.landmarks(face)
        if number == 0 or points is None:
            return Occluded(image, np.zeros(image.shape[:2], np.uint8), "none")
        occluder = self._occluders.component(self.categories[number - 1])
        return occluder(image, points, sample_generator(self.seed, 0, index, stream="occluder"))

    def landmarks(self, index: int) -> Landmarks | None:
        """Five landmarks of image ``index``, where the faces have some."""
        return self.faces.landmarks(index % len(self.faces))

    def name(self, index: int) -> str:
        """Name of the face, and what covers it."""
        number, face = divmod(index, len(self.faces))
        return self.faces.name(face) + (f"#{self.categories[number - 1]}" if number else "")

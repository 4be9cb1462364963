"""A protocol on generated faces, so that an evaluation can be tried without a dataset."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datamodules.occluders import Occluded, TemplateMixture
from datamodules.protocols import EvaluationProtocol, Identification, VerificationPairs
from datamodules.randomness import sample_generator
from datamodules.seams.face_source import FaceSource, Landmarks, UInt8Image
from datamodules.sources import SyntheticFaces

SEED = 10_000  # far from those of training
FOLDS = 10
CATEGORIES = ("sunglasses", "scarf")
"""AR's occluders, drawn."""


def generated_protocol(
    identities: int = 100, images: int = 6, *, seed: int = SEED, cache_dir: str | None = "data/synthetic"
) -> EvaluationProtocol:
    """Pairs and probes of generated people: every genuine pair, as many impostor pairs, folds that share nobody.

    Conditions are ``all``, of clean faces, and ``sunglasses`` and ``scarf``: the same, with second images and probes
    under held-out occluders.

    Args:
        identities: Number of people, at least 20.
        images: Images of each, at least 2; the first is enrolled, the others are probes.
        seed: Seed of the people.
        cache_dir: Where rendered faces are kept.

    Raises:
        ValueError: If there are fewer people or images: somebody would be compared with nobody else.
    """
    for name, value, least in (("identities", identities, 2 * FOLDS), ("images", images, 2)):
        if value < least:
            raise ValueError(f"Expected `{name}` of at least {least}, got {value}")
    faces = SyntheticFaces(identities, images, image_size=64, seed=seed, cache_dir=cache_dir)
    source = PartlyCovered(faces, CATEGORIES, seed)
    first, second = np.triu_indices(images, 1)
    person = np.repeat(np.arange(identities), len(first))
    genuine = (person * images + np.tile(first, identities), person * images + np.tile(second, identities))
    other = _another_of_the_fold(person, np.tile(np.arange(len(first)), identities), identities)
    impostor = (genuine[0], other * images + np.tile(second, identities))
    every = np.arange(len(faces))
    verification, identification = {}, {}
    for number, condition in enumerate(("all", *CATEGORIES)):
        shift = number * len(faces)
        verification[condition] = VerificationPairs(
            np.concatenate([genuine[0], impostor[0]]).astype(np.int64),
            np.concatenate([genuine[1], impostor[1]]).astype(np.int64) + shift,
            np.arange(2 * len(person)) < len(person),
            np.tile(person % FOLDS, 2).astype(np.int64),
        )
        identification[condition] = Identification(every[every % images == 0], every[every % images != 0] + shift)
    return EvaluationProtocol("generated", source, verification, identification)


class PartlyCovered:
    """A source of faces, followed by the same faces under each of some held-out occluders.

    Args:
        faces: The faces; they have landmarks.
        categories: Of occluders.
        seed: Of what covers which face.
    """

    def __init__(self, faces: FaceSource, categories: Sequence[str], seed: int) -> None:
        self.faces = faces
        self.seed = seed
        self.categories = tuple(categories)
        self._occluders = TemplateMixture(dict.fromkeys(categories, 1.0), split="held_out")

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


def _another_of_the_fold(person: NDArray[np.int64], turn: NDArray[np.int64], identities: int) -> NDArray[np.int64]:
    """Return another person of the same fold, each in turn."""
    members = (identities - 1 - person % FOLDS) // FOLDS + 1
    place = (person // FOLDS + 1 + turn % (members - 1)) % members
    return place * FOLDS + person % FOLDS

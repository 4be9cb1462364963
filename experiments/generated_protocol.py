"""A protocol on generated faces, so that an evaluation can be tried without a dataset."""

import numpy as np
from numpy.typing import NDArray

from datamodules.protocols import EvaluationProtocol, Identification, VerificationPairs
from datamodules.sources import SyntheticFaces

SEED = 10_000  # far from those of training
FOLDS = 10


def generated_protocol(
    identities: int = 100, images: int = 6, *, seed: int = SEED, cache_dir: str | None = "data/synthetic"
) -> EvaluationProtocol:
    """Pairs and probes of generated people: every genuine pair, as many impostor pairs, folds that share nobody.

    Args:
        identities: Number of people, at least 20.
        images: Images of each, at least 2; the first is enrolled, the others are probes.
        seed: Seed of the people.
        cache_dir: Where rendered faces are kept.
    """
    source = SyntheticFaces(identities, images, image_size=64, seed=seed, cache_dir=cache_dir)
    first, second = np.triu_indices(images, 1)
    person = np.repeat(np.arange(identities), len(first))
    genuine = (person * images + np.tile(first, identities), person * images + np.tile(second, identities))
    other = _another_of_the_fold(person, np.tile(np.arange(len(first)), identities), identities)
    impostor = (genuine[0], other * images + np.tile(second, identities))
    pairs = VerificationPairs(
        np.concatenate([genuine[0], impostor[0]]).astype(np.int64),
        np.concatenate([genuine[1], impostor[1]]).astype(np.int64),
        np.arange(2 * len(person)) < len(person),
        np.tile(person % FOLDS, 2).astype(np.int64),
    )
    every = np.arange(identities * images)
    faces = Identification(every[every % images == 0], every[every % images != 0])
    return EvaluationProtocol("generated", source, {"all": pairs}, {"all": faces})


def _another_of_the_fold(person: NDArray[np.int64], turn: NDArray[np.int64], identities: int) -> NDArray[np.int64]:
    """Return another person of the same fold, each in turn."""
    members = (identities - 1 - person % FOLDS) // FOLDS + 1
    place = (person // FOLDS + 1 + turn % (members - 1)) % members
    return place * FOLDS + person % FOLDS

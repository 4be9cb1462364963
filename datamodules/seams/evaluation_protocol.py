"""What an evaluation protocol is: the images that it needs, and which of them are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.seams.templates import Templates


@dataclass(frozen=True, eq=False)
class VerificationPairs:
    """Pairs of images, indices into a protocol's source.

    Attributes:
        first: First image of every pair, ``(N,)``.
        second: Second image, ``(N,)``.
        same: Whether both show one identity: genuine pair or impostor pair, ``(N,)``.
        fold: Fold, ``(N,)``, from 0 to F - 1; all 0 where the protocol has none.

    Raises:
        ValueError: If type or shape is another one, there is no pair, or a fold is empty.

    Example:
        >>> images = np.array([0, 2]), np.array([1, 3])
        >>> pairs = VerificationPairs(*images, same=np.array([True, False]), fold=np.array([0, 1]))
        >>> len(pairs), pairs.folds
        (2, 2)
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    same: NDArray[np.bool_]
    fold: NDArray[np.int64]

    def __post_init__(self) -> None:
        shape = (np.size(self.first),)
        for name, dtype in (("first", np.int64), ("second", np.int64), ("same", np.bool_), ("fold", np.int64)):
            _check_array(name, getattr(self, name), np.dtype(dtype), shape)
        if not len(self):
            raise ValueError("Expected at least one pair, got none")
        numbers = np.unique(self.fold)
        if not np.array_equal(numbers, np.arange(len(numbers))):
            raise ValueError(f"Expected folds 0 to F - 1, each with a pair, got folds {numbers[0]} to {numbers[-1]}")

    def __len__(self) -> int:
        return len(self.first)

    @property
    def folds(self) -> int:
        """Number of folds F, 1 where the protocol has none."""
        return int(self.fold.max()) + 1


@dataclass(frozen=True, eq=False)
class Identification:
    """Identification: every probe shows an identity of the gallery, every stranger none. Indices of what is compared.

    Attributes:
        gallery: Enrolled images, ``(G,)``, one or several of each identity.
        probes: Images to identify, ``(P,)``.
        strangers: Probes without a mate, for the open set, ``(S,)``; there may be none.

    Raises:
        ValueError: If type or shape is another one, or gallery or probes are empty.
    """

    gallery: NDArray[np.int64]
    probes: NDArray[np.int64]
    strangers: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        for name, indices in (("gallery", self.gallery), ("probes", self.probes), ("strangers", self.strangers)):
            _check_array(name, indices, np.dtype(np.int64), (np.size(indices),))
            if not len(indices) and name != "strangers":
                raise ValueError(f"Expected at least one image in `{name}`, got none")

    @property
    def every(self) -> NDArray[np.int64]:
        """All of them, ``(G + P + S,)``."""
        return np.concatenate([self.gallery, self.probes, self.strangers])


@dataclass(frozen=True, eq=False)
class EvaluationProtocol:
    """Images and the comparisons that are made of them, or of templates that they are joined to.

    Attributes:
        name: What a report calls it.
        source: The distinct images that the protocol needs, each once.
        verification: Pairs, by condition.
        identification: Gallery and probes, by condition.
        missing: What was left out, for the report, an entry each.
        templates: What is compared, where that is not images: indices are of templates then.
        replicates: Data sets of identities drawn anew that give measures intervals; 0: they get none.
        segmentation: Images whose segmentation is measured, ``(N,)`` by condition; by default those that are compared.

    Raises:
        DataError: If there is no condition, an index is out of range, an impostor pair is of one identity, a condition
            of a segmentation has no image, or, in an identification, an image is listed twice, a probe shows an
            identity that is not in the gallery, or a stranger one that is.
    """

    name: str
    source: FaceSource
    verification: Mapping[str, VerificationPairs] = field(default_factory=dict)
    identification: Mapping[str, Identification] = field(default_factory=dict)
    missing: Sequence[str] = ()
    templates: Templates | None = None
    replicates: int = 0
    segmentation: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "missing", tuple(self.missing))
        if not (self.compares or self.segmentation):
            raise DataError(f"{self.name}: expected pairs or probes, got no condition")
        for condition, pairs in self.verification.items():
            self._check_range(condition, pairs.first, pairs.second)
            self._check_pairs(condition, pairs)
        for condition, identification in self.identification.items():
            self._check_range(condition, identification.every)
            self._check_once(condition, identification)
            self._check_closed(condition, identification)
        for condition, images in self.segmentation.items():
            if not len(images) or not 0 <= images.min() <= images.max() < len(self.source):
                raise DataError(f"{self.name}: {condition}: expected images of its source, got {images[:5].tolist()}")

    @property
    def compares(self) -> bool:
        """Whether faces are compared."""
        return bool(self.verification or self.identification)

    @property
    def identities(self) -> NDArray[np.int64]:
        """Whom each of what is compared shows."""
        return self.source.identities if self.templates is None else self.templates.identities

    @property
    def shown(self) -> NDArray[np.int64]:
        """The image that stands for each of what is compared: itself, or the first of the template."""
        return np.arange(len(self.source)) if self.templates is None else self.templates.shown

    def called(self, index: int) -> str:
        """Return the name of an image or template."""
        return self.source.name(index) if self.templates is None else self.templates.names[index]

    def identity(self, index: int) -> str:
        """Return whom an image or template shows, as its source calls the person."""
        return str(self.source.identity_names[self.source.identities[self.shown[index]]])

    def _check_range(self, condition: str, *indices: NDArray[np.int64]) -> None:
        what, last = ("images" if self.templates is None else "templates"), len(self.identities) - 1
        for found in indices:
            outside = found[(found < 0) | (found > last)]
            if len(outside):
                raise DataError(
                    f"{self.name}: {condition}: expected {what} 0 to {last} of its source, got {outside[0]}"
                )

    def _check_pairs(self, condition: str, pairs: VerificationPairs) -> None:
        """Refuse impostor pairs of one identity; a source may well give the images of one several identities."""
        identities = self.identities
        wrong = np.flatnonzero(~pairs.same & (identities[pairs.first] == identities[pairs.second]))
        if len(wrong):
            first, second = (int(part[wrong[0]]) for part in (pairs.first, pairs.second))
            raise DataError(
                f"{self.name}: {condition}: expected two identities in an impostor pair, got {self.called(first)} and "
                f"{self.called(second)}, both of {self.identity(first)!r}"
            )

    def _check_once(self, condition: str, identification: Identification) -> None:
        images, counts = np.unique(identification.every, return_counts=True)
        if len(repeated := images[counts > 1]):
            name = self.called(int(repeated[0]))
            raise DataError(f"{self.name}: {condition}: expected every gallery image and probe once, got {name} again")

    def _check_closed(self, condition: str, identification: Identification) -> None:
        kinds = (identification.probes, identification.strangers)
        known, enrolled = (np.isin(self.identities[kind], self.identities[identification.gallery]) for kind in kinds)
        if not known.all():
            probe = int(identification.probes[np.argmin(known)])
            raise DataError(
                f"{self.name}: {condition}: expected a gallery image of {self.identity(probe)!r}, "
                f"which probe {self.called(probe)} shows, got none"
            )
        if enrolled.any():
            stranger = int(identification.strangers[np.argmax(enrolled)])
            raise DataError(
                f"{self.name}: {condition}: expected no gallery image of {self.identity(stranger)!r}, "
                f"whom stranger {self.called(stranger)} shows, got one"
            )


def _check_array(name: str, array: object, dtype: np.dtype[np.generic], shape: tuple[int]) -> None:
    got = (array.dtype, array.shape) if isinstance(array, np.ndarray) else type(array).__name__
    if got != (dtype, shape):
        raise ValueError(f"Expected `{name}` to be an array of {dtype} of shape {shape}, got {got}")

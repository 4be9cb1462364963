"""What an evaluation protocol is: the images that it needs, and which of them are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource


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
    """Closed-set identification: every probe shows an identity of the gallery. Indices into a protocol's source.

    Attributes:
        gallery: Enrolled images, ``(G,)``, one or several of each identity.
        probes: Images to identify, ``(P,)``.

    Raises:
        ValueError: If type or shape is another one, or either is empty.
    """

    gallery: NDArray[np.int64]
    probes: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name, indices in (("gallery", self.gallery), ("probes", self.probes)):
            _check_array(name, indices, np.dtype(np.int64), (np.size(indices),))
            if not len(indices):
                raise ValueError(f"Expected at least one image in `{name}`, got none")


@dataclass(frozen=True, eq=False)
class EvaluationProtocol:
    """Images and the comparisons that are made of them.

    Attributes:
        name: What a report calls it.
        source: The distinct images that the protocol needs, each once.
        verification: Pairs, by condition.
        identification: Gallery and probes, by condition.
        missing: What was left out, for the report, an entry each.

    Raises:
        DataError: If there is no condition, an index is out of range, an impostor pair is of one identity, or, in an
            identification, an image is listed twice or a probe shows an identity that is not in the gallery.
    """

    name: str
    source: FaceSource
    verification: Mapping[str, VerificationPairs] = field(default_factory=dict)
    identification: Mapping[str, Identification] = field(default_factory=dict)
    missing: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "missing", tuple(self.missing))
        if not self.verification and not self.identification:
            raise DataError(f"{self.name}: expected pairs or probes, got no condition")
        for condition, pairs in self.verification.items():
            self._check_range(condition, pairs.first, pairs.second)
            self._check_pairs(condition, pairs)
        for condition, identification in self.identification.items():
            self._check_range(condition, identification.gallery, identification.probes)
            self._check_once(condition, identification)
            self._check_closed(condition, identification)

    def _check_range(self, condition: str, *indices: NDArray[np.int64]) -> None:
        found, last = np.concatenate(indices), len(self.source) - 1
        outside = found[(found < 0) | (found > last)]
        if len(outside):
            raise DataError(f"{self.name}: {condition}: expected images 0 to {last} of its source, got {outside[0]}")

    def _check_pairs(self, condition: str, pairs: VerificationPairs) -> None:
        """Refuse impostor pairs of one identity; a source may well give the images of one several identities."""
        identities = self.source.identities
        wrong = np.flatnonzero(~pairs.same & (identities[pairs.first] == identities[pairs.second]))
        if len(wrong):
            first, second = (self.source.name(int(part[wrong[0]])) for part in (pairs.first, pairs.second))
            raise DataError(
                f"{self.name}: {condition}: expected two identities in an impostor pair, got {first} and {second}, "
                f"both of {self.source.identity_names[identities[pairs.first[wrong[0]]]]!r}"
            )

    def _check_once(self, condition: str, identification: Identification) -> None:
        images, counts = np.unique(np.concatenate([identification.gallery, identification.probes]), return_counts=True)
        repeated = images[counts > 1]
        if len(repeated):
            name = self.source.name(int(repeated[0]))
            raise DataError(f"{self.name}: {condition}: expected every gallery image and probe once, got {name} again")

    def _check_closed(self, condition: str, identification: Identification) -> None:
        identities = self.source.identities
        known = np.isin(identities[identification.probes], identities[identification.gallery])
        if not known.all():
            probe = int(identification.probes[np.argmin(known)])
            shown = self.source.identity_names[identities[probe]]
            raise DataError(
                f"{self.name}: {condition}: expected a gallery image of {shown!r}, "
                f"which probe {self.source.name(probe)} shows, got none"
            )


def _check_array(name: str, array: object, dtype: np.dtype[np.generic], shape: tuple[int]) -> None:
    got = (array.dtype, array.shape) if isinstance(array, np.ndarray) else type(array).__name__
    if got != (dtype, shape):
        raise ValueError(f"Expected `{name}` to be an array of {dtype} of shape {shape}, got {got}")

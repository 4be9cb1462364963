"""The images of LFW-occ: distinct left images as they are, and one occluded image for each pair and category."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from datamodules.protocols.lfw import lfw_pairs
from datamodules.protocols.lfw_occ.exact_arithmetic import resize
from datamodules.protocols.lfw_pairs_file import read_lfw_pairs
from datamodules.seams.evaluation_protocol import EvaluationProtocol, VerificationPairs
from datamodules.seams.face_source import FaceSource, Landmarks, UInt8Image
from datamodules.sources.aligned_crop import check_aligned_crop


class Covered(NamedTuple):
    """One occluded image."""

    category: str
    pair: int
    """Number of the pair in its file, from 1."""
    face: int
    """Index of the right image in the source of LFW's own images."""


class Renderer(Protocol):
    """Where occluded images and their label maps come from."""

    def image(self, faces: FaceSource, covered: Covered) -> UInt8Image:
        """Return the occluded image, ``(H, W, 3)``."""
        ...

    def label_map(self, faces: FaceSource, covered: Covered) -> UInt8Image:
        """Return its label map, ``(H, W)``: 1 where an occluder covers it."""
        ...


class OccludedFaces:
    """A face source of clean and of occluded images, clean ones first.

    Args:
        faces: LFW's own images.
        clean: Those that are there as they are, ``(L,)``, as indices of ``faces``.
        covered: The occluded ones.
        renderer: Where these come from.
    """

    def __init__(
        self, faces: FaceSource, clean: NDArray[np.int64], covered: Sequence[Covered], renderer: Renderer
    ) -> None:
        self.faces = faces
        self.clean = clean
        self.covered = tuple(covered)
        self.renderer = renderer
        shown = np.concatenate([clean, np.array([one.face for one in self.covered], dtype=np.int64)])
        self._identities: NDArray[np.int64] = faces.identities[shown]

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every image, ``(N,)``."""
        return self._identities

    @property
    def identity_names(self) -> Sequence[str]:
        """Name of every identity."""
        return self.faces.identity_names

    @property
    def root(self) -> Path | None:
        """Folder of LFW's own images, where they are in one."""
        return getattr(self.faces, "root", None)

    def __len__(self) -> int:
        return len(self.clean) + len(self.covered)

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(H, W, 3)`` uint8 RGB.

        Raises:
            DataError: If it cannot be had; the message names it.
        """
        if index < len(self.clean):
            return self.faces.image(int(self.clean[index]))
        return self.renderer.image(self.faces, self.covered[index - len(self.clean)])

    def label_map(self, index: int) -> UInt8Image:
        """Label map of image ``index``, ``(H, W)`` uint8: 1 where an occluder covers it, all 0 for a left image.

        Raises:
            DataError: As :meth:`image`.
        """
        if index < len(self.clean):
            return np.zeros(self.image(index).shape[:2], np.uint8)
        return self.renderer.label_map(self.faces, self.covered[index - len(self.clean)])

    def landmarks(self, index: int) -> Landmarks | None:
        """``None``: LFW comes without landmarks."""
        return None

    def name(self, index: int) -> str:
        """Path of a left image; of an occluded one ``path#category/pair``."""
        if index < len(self.clean):
            return self.faces.name(int(self.clean[index]))
        category, pair, face = self.covered[index - len(self.clean)]
        return f"{self.faces.name(face)}#{category}/{pair}"


class LfwPairs(NamedTuple):
    """LFW's pairs and the numbers that its file gives them."""

    protocol: EvaluationProtocol
    numbers: tuple[int, ...]
    """Number of every pair, from 1; pairs that are left out keep theirs."""

    @property
    def pairs(self) -> VerificationPairs:
        """The pairs, as indices of the protocol's source."""
        return self.protocol.verification["all"]

    def items(self) -> list[tuple[int, int, str]]:
        """Return number, fold from 1, and path of the right image of every pair."""
        folds, rights = (self.pairs.fold + 1).tolist(), self.pairs.second.tolist()
        names = [self.protocol.source.name(right) for right in rights]
        return list(zip(self.numbers, folds, names, strict=True))


def numbered_pairs(root: Path | str, pairs: Path | str, *, allow_missing: bool) -> LfwPairs:
    """Read LFW's pairs, see :func:`~datamodules.protocols.lfw.lfw_pairs`."""
    protocol = lfw_pairs(root, pairs, allow_missing=allow_missing)
    there = {str(PurePosixPath(protocol.source.name(i)).with_suffix("")) for i in range(len(protocol.source))}
    listed = enumerate(read_lfw_pairs(Path(pairs)), start=1)
    return LfwPairs(protocol, tuple(number for number, pair in listed if {pair.first, pair.second} <= there))


def occluded_protocol(
    listed: LfwPairs, categories: Sequence[str], renderer: Renderer, suffix: str
) -> EvaluationProtocol:
    """Build protocol ``lfw_occ`` with a condition for each category, named by it and ``suffix``."""
    pairs, faces = listed.pairs, listed.protocol.source
    clean, first = np.unique(pairs.first, return_inverse=True)
    rights = list(zip(listed.numbers, pairs.second.tolist(), strict=True))
    covered = [Covered(category, number, face) for category in categories for number, face in rights]
    conditions = {}
    for place, category in enumerate(categories):
        second = len(clean) + place * len(pairs) + np.arange(len(pairs), dtype=np.int64)
        conditions[category + suffix] = VerificationPairs(first.astype(np.int64), second, pairs.same, pairs.fold)
    source = OccludedFaces(faces, clean, covered, renderer)
    return EvaluationProtocol("lfw_occ", source, conditions, missing=listed.protocol.missing)


def prepared(image: UInt8Image, size: int | None, *, name: str) -> UInt8Image:
    """Return an image as it is to be covered: ``size`` pixels high and wide, or as it is.

    Raises:
        DataError: If it is no aligned crop: too small, or far from square.
    """
    check_aligned_crop(image, name)
    return image if size is None else resize(image, (size, size))

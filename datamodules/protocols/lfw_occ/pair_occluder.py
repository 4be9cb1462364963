"""What covers the right image of a pair: instance and geometry as a function of (seed, category, pair)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import numpy as np

from datamodules.errors import DataError
from datamodules.occluders.drawn import CATEGORIES
from datamodules.protocols.lfw_occ.exact_arithmetic import Matrix, composite, warp
from datamodules.protocols.lfw_occ.exact_fit import Template, face_area, fit, template_of
from datamodules.protocols.lfw_occ.frozen_instances import LFW_OCC_CATEGORIES, NUM_INSTANCES, check_frozen, instances
from datamodules.protocols.lfw_occ.misplacement import BASE_BITS, NUMBERS, misplaced
from datamodules.randomness import sample_generator
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.landmarks import FixedLandmarks

Severity = Literal["low", "medium", "high"]
SEVERITIES: Mapping[Severity, tuple[int, int]] = {"low": (100, 250), "medium": (250, 400), "high": (400, 600)}
"""Share of the face that is covered, in thousandths: from the first number, below the second."""

MAX_TRIES = 1000


class PlacedInstance(NamedTuple):
    """One occluder on an image."""

    category: str
    instance: int
    matrix: Matrix
    """Pixels of the image to face units of the instance, in 2⁻¹⁶."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """What covers one image.

    Attributes:
        parts: Occluders, each over the ones before it.
        label_map: ``(H, W)``, 1 where an occluder covers the image.
        covered: Pixels of the face that are covered.
        face: Pixels of the face.
    """

    parts: tuple[PlacedInstance, ...]
    label_map: UInt8Image
    covered: int
    face: int

    @property
    def share(self) -> str:
        """Share of the face that is covered, four digits after the point, rounded down."""
        return f"{self.covered * 10_000 // self.face / 10_000:.4f}"


@dataclass(frozen=True)
class PairOccluder:
    """Covers the right image of numbered pairs; nothing but (seed, category, pair) decides how.

    Args:
        category: One of ``LFW_OCC_CATEGORIES``, or several joined by ``+``, each over the ones named before it.
        seed: Seed of the draws, not negative.
        severity: Key of ``SEVERITIES``; ``None`` lets every occluder sit as it does in training.
        landmarks: Where the landmarks lie in every image.

    Raises:
        ValueError: If a setting is none of these.
    """

    category: str
    seed: int = 0
    severity: Severity | None = None
    landmarks: str | FixedLandmarks = "lfw"
    _template: Template = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in (names := self.category.split("+")):
            check_frozen(name)
        if len(set(names)) < len(names):
            raise ValueError(f"Expected every category once in a combination, got {self.category!r}")
        if self.seed < 0:
            raise ValueError(f"Expected `seed` of at least 0, got {self.seed}")
        if self.severity is not None and self.severity not in SEVERITIES:
            raise ValueError(f"Expected `severity` among {list(get_args(Severity))}, got {self.severity!r}")
        landmarks = FixedLandmarks(self.landmarks) if isinstance(self.landmarks, str) else self.landmarks
        object.__setattr__(self, "_template", template_of(landmarks))

    def draw(self, pair: int, size: tuple[int, int]) -> Drawing:
        """Return what covers the right image of a pair.

        Args:
            pair: Number of the pair.
            size: Height and width of the image.

        Raises:
            DataError: If no draw of ``MAX_TRIES`` covers as much as the severity asks for.
        """
        low, high = (0, 1001) if self.severity is None else SEVERITIES[self.severity]
        for attempt in range(MAX_TRIES):
            drawing = self._draw(self._parts(pair, attempt, size), size)
            if low * drawing.face <= 1000 * drawing.covered < high * drawing.face:
                return drawing
        raise DataError(
            f"{self.category}: expected to cover {low / 10:g} % to {high / 10:g} % of the face ({self.severity}), "
            f"got none in {MAX_TRIES} draws for pair {pair}"
        )

    def cover(self, image: UInt8Image, drawing: Drawing) -> UInt8Image:
        """Return the occluded copy of an image, ``(H, W, 3)``."""
        covered = np.array(image, order="C")
        for part in drawing.parts:
            composite(covered, *warp(instances(part.category)[part.instance], part.matrix, covered.shape[:2]))
        return covered

    def _parts(self, pair: int, attempt: int, size: tuple[int, int]) -> tuple[PlacedInstance, ...]:
        names = self.category.split("+")
        generator = sample_generator(self.seed, attempt, pair, stream=f"lfw_occ/{self.category}")
        # raw bits are the same in every version of numpy, what its distributions make of them need not be
        numbers = [int(n) for n in generator.bit_generator.random_raw(NUMBERS * len(names))]
        return tuple(self._part(name, numbers[NUMBERS * i : NUMBERS * (i + 1)], size) for i, name in enumerate(names))

    def _part(self, name: str, numbers: Sequence[int], size: tuple[int, int]) -> PlacedInstance:
        category = CATEGORIES[name]
        base = fit(category.anchors, category.fit, self._template, size, BASE_BITS)
        matrix = misplaced(base, LFW_OCC_CATEGORIES[name], numbers[1:], severe=self.severity is not None)
        return PlacedInstance(name, numbers[0] % NUM_INSTANCES, matrix)

    def _draw(self, parts: tuple[PlacedInstance, ...], size: tuple[int, int]) -> Drawing:
        label_map = np.zeros(size, np.uint8)
        for part in parts:
            pixels, _ = warp(instances(part.category)[part.instance], part.matrix, size)
            label_map.reshape(-1)[pixels] = 1
        face = face_area(self._template, size)
        return Drawing(parts, label_map, int((label_map & face).sum()), int(face.sum()))

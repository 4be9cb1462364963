"""Template occluders: drawn or photographed instances placed on a face by its landmarks."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datamodules.errors import DataError
from datamodules.occluders.anchors import Float64
from datamodules.occluders.blending import Blending
from datamodules.occluders.drawing_plan import Layer, Planned
from datamodules.occluders.drawn import CATEGORIES, SPLITS, Split, drawn_sprite, kept_sprite
from datamodules.occluders.occluder import Occluded
from datamodules.occluders.own_images import LISTING, OwnImage, load_sprite, read_listing
from datamodules.occluders.paste import label, paste, placing
from datamodules.occluders.sprite import Sprite
from datamodules.seams.face_source import Landmarks, UInt8Image

Pick = Callable[[int], Sprite]


class TemplateOccluder:
    """Covers a face with one instance of a category, such as sunglasses, drawn at random.

    The instance's anchors are carried onto the landmarks by least squares, then misplaced, turned, scaled
    and recoloured a little. The label map is 1 where the *shape* covers at least half a pixel: a tinted
    lens counts as occluder although the face shines through; a shadow does not.

    Instances are drawn when first used and kept for the process. Source of the categories: Zeng et al.
    (SOIDN), Fig. 7.

    Args:
        category: One of :data:`~datamodules.occluders.drawn.CATEGORIES`, such as ``scarf``, one of ``folder``, or
            several joined by ``+``: all are put on, each over the ones named before it.
        split: ``train`` or ``held_out``; the two share no instance, outline, pattern or hue.
        num_instances: How many instances are drawn; a category of ``folder`` has as many as it has images.
        jitter: Factor on the random misplacement and recolouring; 0 puts every instance exactly.
        folder: Own images, see :func:`~datamodules.occluders.own_images.read_listing`. They replace the drawn
            instances of their category and may name new categories.
        blending: How edge, colour and shadow are blended in, so that they do not give the occluder away; without, it is
            laid on as it is. Where it lies does not depend on it.
        cache_dir: Folder in which every drawn instance is kept, and read from by later runs and other processes.

    Raises:
        ValueError: If the category is unknown or another setting is out of range.
        DataError: If ``folder`` cannot be used, or has no image of the category for ``split``.

    Example:
        >>> face = np.full((112, 112, 3), 128, np.uint8)
        >>> points = np.array([(38, 52), (74, 52), (56, 72), (42, 92), (71, 92)], np.float32)
        >>> occluded = TemplateOccluder("sunglasses")(face, points, np.random.default_rng(0))
        >>> occluded.occluder, bool(occluded.mask[52, 38]), bool(occluded.mask[92, 56])
        ('sunglasses', True, False)
    """

    def __init__(
        self,
        category: str,
        *,
        split: Split = "train",
        num_instances: int = 40,
        jitter: float = 1.0,
        folder: Path | str | None = None,
        blending: Blending | None = None,
        cache_dir: Path | str | None = None,
    ) -> None:
        _check_settings(split, num_instances, jitter)
        own = [] if folder is None else read_listing(folder)
        self.category = category
        self.jitter = jitter
        self.blending = blending
        draw = drawn_sprite if cache_dir is None else partial(kept_sprite, Path(cache_dir))
        self._parts = [_instances(name, split, num_instances, own, draw) for name in _names(category, own)]

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        """Return the occluded copy of ``image`` and its label map.

        Args:
            image: ``(H, W, 3)`` uint8 RGB; never changed in place.
            landmarks: ``(5, 2)`` in pixels of ``image``; they may lie outside of it.
            generator: The only source of randomness.

        Raises:
            ValueError: If the landmarks are not five finite points.
        """
        covered = np.array(image, order="C")
        mask = np.zeros(covered.shape[:2], np.uint8)
        for one in self._drawn(landmarks, generator):
            blend = None if self.blending is None else self.blending.draw(generator)
            paste(covered, mask, one.sprite, one.matrix, gain=one.gain, softer=one.softer, blend=blend)
        return Occluded(covered, mask, self.category)

    @property
    def num_sprites(self) -> int:
        """See :class:`~datamodules.occluders.drawing_plan.PlanningOccluder`."""
        return sum(count for count, _ in self._parts)

    def sprite(self, number: int) -> Sprite:
        """See :class:`~datamodules.occluders.drawing_plan.PlanningOccluder`."""
        for count, pick in self._parts:
            if number < count:
                return pick(number)
            number -= count
        raise IndexError(f"Expected a number below {self.num_sprites}, got one {number} beyond")

    def plan(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Planned:
        """See :class:`~datamodules.occluders.drawing_plan.PlanningOccluder`; what is blended in is drawn here."""
        if self.blending is not None:
            return Planned(self(image, landmarks, generator))
        mask, layers = np.zeros(image.shape[:2], np.uint8), []
        for one in self._drawn(landmarks, generator):
            placed = placing(mask.shape, one.sprite, one.matrix, softer=one.softer)
            if placed is not None:
                label(mask, placed.warped(one.sprite.levels[placed.level].shape), placed.window)
                layers.append(Layer(one.number, placed.level, placed.matrix, one.gain))
        return Planned(Occluded(image, mask, self.category), tuple(layers))

    def _drawn(self, landmarks: Landmarks, generator: np.random.Generator) -> list["_Placed"]:
        """Return an instance of each part, by which all that is random of a plain drawing is drawn."""
        points = np.asarray(landmarks, dtype=np.float64)
        if points.shape != (5, 2) or not np.isfinite(points).all():
            raise ValueError(f"Expected landmarks of five finite points (5, 2), got {points.tolist()}")
        first, placed = 0, []
        for count, pick in self._parts:
            number = int(generator.integers(count))
            placed.append(self._placed(first + number, pick(number), points, generator))
            first += count
        return placed

    def _placed(self, number: int, sprite: Sprite, points: Float64, generator: np.random.Generator) -> "_Placed":
        matrix = (sprite.solver @ points.ravel()).reshape(2, 3)
        # beyond two standard deviations an occluder no longer sits
        normal = (self.jitter * np.clip(generator.standard_normal(8), -2, 2)).tolist()
        softer = int(generator.integers(2)) if self.jitter else 0
        light = 1.0 + 0.1 * normal[4]
        red, green, blue = (light * (1.0 + 0.03 * n) for n in normal[5:])
        return _Placed(number, sprite, matrix @ _misplace(sprite, *normal[:4]), (red, green, blue), softer)


class _Placed(NamedTuple):
    """An instance, where it lies and how it is recoloured."""

    number: int
    sprite: Sprite
    matrix: Float64
    gain: tuple[float, float, float]
    softer: int


def _misplace(sprite: Sprite, right: float, down: float, turn: float, size: float) -> Float64:
    """Return the sprite's own small motion about its centre, ``(3, 3)``, from four normal deviates."""
    angle, factor = np.deg2rad(sprite.play.degrees * turn), np.exp(sprite.play.scale * size)
    cos, sin = factor * np.cos(angle), factor * np.sin(angle)
    x, y = sprite.centre
    shift = sprite.play.shift / sprite.units
    return np.array(
        [
            [cos, -sin, x - cos * x + sin * y + shift * right],
            [sin, cos, y - sin * x - cos * y + shift * down],
            [0, 0, 1],
        ]
    )


def _names(category: str, own: Sequence[OwnImage]) -> list[str]:
    names = category.split("+")
    known = sorted({*CATEGORIES, *(entry.category for entry in own)})
    for name in names:
        if name not in known:
            raise ValueError(f"Expected an occluder category among {known}, got {name!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"Expected every category once in a combination, got {category!r}")
    return names


def _instances(
    name: str, split: Split, count: int, own: Sequence[OwnImage], draw: Callable[[str, Split, int], Sprite]
) -> tuple[int, Pick]:
    """Return how many instances there are and what gives one; own images replace the drawn ones."""
    entries = [entry for entry in own if entry.category == name]
    if not entries:
        return count, partial(draw, name, split)
    sprites = [load_sprite(entry) for entry in entries if entry.split == split]
    if not sprites:
        raise DataError(
            f"{entries[0].path.parent / LISTING}: expected an image of category '{name}' for 'split: {split}', got none"
        )
    return len(sprites), sprites.__getitem__


def _check_settings(split: str, num_instances: int, jitter: float) -> None:
    if split not in SPLITS:
        raise ValueError(f"Expected `split` among {list(SPLITS)}, got {split!r}")
    if num_instances < 1:
        raise ValueError(f"Expected `num_instances` of at least 1, got {num_instances}")
    if not 0.0 <= jitter < float("inf"):
        raise ValueError(f"Expected `jitter` of at least 0, got {jitter}")

"""One of several occluders by probability."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.occluders.blending import Blending
from datamodules.occluders.drawing_plan import Planned, PlanningOccluder
from datamodules.occluders.drawn import Split
from datamodules.occluders.occluder import EpochOccluder, Occluded, Occluder
from datamodules.occluders.sprite import Sprite
from datamodules.occluders.template import TemplateOccluder
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_source import Landmarks, UInt8Image


class OccluderMixture:
    """Applies one of several occluders, or none, by probability.

    Args:
        occluders: Occluders by name.
        probabilities: Weights by name, ``"none"`` for the clean image among them; they need not sum to 1,
            they are normalised. An occluder without a weight is never drawn, but still a component.

    Raises:
        ValueError: If a weight is negative or not finite, all are zero, or one belongs to no occluder; if an occluder
            is a curriculum.

    Example:
        >>> face, points = np.zeros((8, 8, 3), np.uint8), np.zeros((5, 2), np.float32)
        >>> mixture = OccluderMixture({}, {"none": 1.0})
        >>> mixture(face, points, np.random.default_rng(0)).occluder
        'none'
    """

    def __init__(self, occluders: Mapping[str, Occluder], probabilities: Mapping[str, float]) -> None:
        _check_probabilities(probabilities)
        if CLEAN in occluders:
            raise ValueError(f"Expected occluders named other than {CLEAN!r}, which is the clean image")
        growing = [name for name, occluder in occluders.items() if isinstance(occluder, EpochOccluder)]
        if growing:
            raise ValueError(f"Expected a curriculum around the mixture, got one within it: {growing[0]!r}")
        unknown = [name for name in probabilities if name != CLEAN and name not in occluders]
        if unknown:
            raise ValueError(f"Expected `probabilities` of {[CLEAN, *occluders]}, got {unknown[0]!r}")
        total = sum(probabilities.values())
        self.probabilities = {name: value / total for name, value in probabilities.items()}
        self._occluders = dict(occluders)
        self._planning = {name: one for name, one in occluders.items() if isinstance(one, PlanningOccluder)}
        counts = (one.num_sprites for one in self._planning.values())
        self._first = dict(zip(self._planning, accumulate(counts, initial=0), strict=False))
        # zero weights are left out: rounding could otherwise reach one at the end
        self._choices = [name for name, value in self.probabilities.items() if value > 0]
        self._limits = list(accumulate(self.probabilities[name] for name in self._choices))[:-1]

    @property
    def names(self) -> tuple[str, ...]:
        """The occluders' names, without ``"none"``."""
        return tuple(self._occluders)

    def component(self, name: str) -> Occluder:
        """Return one occluder.

        Raises:
            ValueError: If there is none of that name.
        """
        if name not in self._occluders:
            raise ValueError(f"Expected an occluder among {list(self._occluders)}, got {name!r}")
        return self._occluders[name]

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        """Return a copy of ``image``, occluded or not, and its label map; see :class:`Occluder`."""
        name = self._chosen(generator)
        return _clean(image) if name == CLEAN else self._occluders[name](image, landmarks, generator)

    @property
    def num_sprites(self) -> int:
        """See :class:`~datamodules.occluders.drawing_plan.PlanningOccluder`."""
        return sum(one.num_sprites for one in self._planning.values())

    def sprite(self, number: int) -> Sprite:
        """See :class:`~datamodules.occluders.drawing_plan.PlanningOccluder`."""
        name = next(name for name in reversed(self._first) if self._first[name] <= number)
        return self._planning[name].sprite(number - self._first[name])

    def plan(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Planned:
        """See :class:`~datamodules.occluders.drawing_plan.PlanningOccluder`; what cannot plan draws here."""
        name = self._chosen(generator)
        if name == CLEAN:
            return Planned(_clean(image))
        if name not in self._planning:
            return Planned(self._occluders[name](image, landmarks, generator))
        occluded, layers = self._planning[name].plan(image, landmarks, generator)
        first = self._first[name]
        return Planned(occluded, tuple(layer._replace(sprite=first + layer.sprite) for layer in layers))

    def _chosen(self, generator: np.random.Generator) -> str:
        return self._choices[bisect_right(self._limits, generator.random())]


class TemplateMixture(OccluderMixture):
    """A mixture of template occluders, named by the keys of ``probabilities``: for configurations.

    As the evaluation's occluders it is a list of conditions: weights do not matter there.

    .. code-block:: yaml

        class_path: datamodules.occluders.TemplateMixture
        init_args:
          probabilities: {none: 0.3, sunglasses: 0.2, scarf: 0.2, cup: 0.1, doctor_mask: 0.1, sunglasses+scarf: 0.1}

    Args:
        probabilities: Weights by name, which need not sum to 1; a key is ``"none"``, the clean image, a category or
            several joined by ``+``.
        split: ``train`` or ``held_out``; the two share no instance, outline, pattern or hue.
        num_instances: How many instances of a category are drawn; one of ``folder`` has as many as it has images.
        jitter: Factor on the random misplacement and recolouring; 0 puts every instance exactly.
        folder: Own images, see :func:`~datamodules.occluders.own_images.read_listing`. They replace the drawn
            instances of their category and may name new categories.
        blending: How edge, colour and shadow are blended in, see :class:`TemplateOccluder`.
        cache_dir: Where drawn instances are kept, see :class:`TemplateOccluder`.

    Raises:
        ValueError: If a category is unknown or a setting out of range.
        DataError: If ``folder`` cannot be used.
    """

    def __init__(
        self,
        probabilities: dict[str, float],
        split: Split = "train",
        num_instances: int = 40,
        jitter: float = 1.0,
        folder: Path | str | None = None,
        blending: Blending | None = None,
        cache_dir: Path | str | None = None,
    ) -> None:
        given: dict[str, Any] = {"split": split, "num_instances": num_instances, "jitter": jitter, "folder": folder}
        given |= {"blending": blending, "cache_dir": cache_dir}
        occluders = {name: TemplateOccluder(name, **given) for name in probabilities if name != CLEAN}
        super().__init__(occluders, probabilities)


def _clean(image: UInt8Image) -> Occluded:
    return Occluded(np.array(image, order="C"), np.zeros(image.shape[:2], np.uint8), CLEAN)


def _check_probabilities(probabilities: Mapping[str, float]) -> None:
    for name, value in probabilities.items():
        if not (isfinite(value) and value >= 0):
            raise ValueError(f"Expected `probabilities` of at least 0, got {value} for {name!r}")
    if not sum(probabilities.values()) > 0:
        raise ValueError(f"Expected `probabilities` with a positive sum, got {dict(probabilities)}")

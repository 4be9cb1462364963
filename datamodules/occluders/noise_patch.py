"""Noise patches: rectangles of random intensity and random noise, put anywhere on a face."""

import numpy as np

from datamodules.occluders.noise import Float32, gaussian, salt_and_pepper, speckle
from datamodules.occluders.occluder import Occluded
from datamodules.occluders.placement import Placement
from datamodules.occluders.window import occluder_window
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_source import Landmarks, UInt8Image

_NOISES = {"salt_and_pepper": salt_and_pepper, "speckle": speckle, "gaussian": gaussian}

Levels = tuple[float, float]
"""Lowest and highest level; one between them is drawn for every patch."""


class NoisePatch:
    """Covers a face with a rectangle of random intensity that carries noise of a random kind and level.

    The intensity is uniform from 0 to 255, the kind uniform over those that are given levels, the level uniform
    over its range. The label map is 1 on the whole patch, which the image's border may cut. Landmarks are
    not looked at.

    Source: Sáez Trigueros et al., section 3.1 and Fig. 2. The paper gives no levels: by default the weakest noise of
    each kind is just seen and the strongest leaves the intensity recognisable.

    Args:
        size: (height, width) of the patch in pixels; the paper's are 20 × 20, 20 × 40 and 40 × 40 on 100 × 100.
        placement: Draws the patch's centre; for what the patch covers see :func:`occluder_window`.
        colour: Draw a colour and noise in each channel; False makes patch and noise grey.
        salt_and_pepper: Share of the pixels turned white or black, in [0, 1]; ``None`` leaves this kind out.
        speckle: Standard deviation as a share of the intensity; ``None`` leaves this kind out.
        gaussian: Standard deviation as a share of 255; ``None`` leaves this kind out.
        name: The category in the label. An evaluation goes by the mixture's names.

    Raises:
        ValueError: If a setting is out of range, no kind of noise is left, or the placement was made for an
            occluder of another size.

    Example:
        >>> from datamodules.occluders import UniformPlacement
        >>> face, points = np.full((100, 100, 3), 128, np.uint8), np.zeros((5, 2), np.float32)
        >>> occluded = NoisePatch((20, 40), UniformPlacement())(face, points, np.random.default_rng(0))
        >>> occluded.occluder, int(occluded.mask.sum())
        ('noise_patch', 800)
    """

    def __init__(
        self,
        size: tuple[int, int],
        placement: Placement,
        *,
        colour: bool = True,
        salt_and_pepper: Levels | None = (0.05, 0.5),
        speckle: Levels | None = (0.1, 0.5),
        gaussian: Levels | None = (0.03, 0.2),
        name: str = "noise_patch",
    ) -> None:
        height, width = size
        if height < 1 or width < 1:
            raise ValueError(f"Expected `size` as (height, width) of at least 1, got {height} × {width}")
        if not name or name == CLEAN:
            raise ValueError(f"Expected `name` as text other than {CLEAN!r}, the clean image, got {name!r}")
        _check_levels("salt_and_pepper", salt_and_pepper, highest=1)
        _check_levels("speckle", speckle)
        _check_levels("gaussian", gaussian)
        placement.check_occluder(height, width)
        self.size = (height, width)
        self.placement = placement
        self.channels = 3 if colour else 1
        self.name = name
        levels = {"salt_and_pepper": salt_and_pepper, "speckle": speckle, "gaussian": gaussian}
        self._kinds = [(_NOISES[kind], *limits) for kind, limits in levels.items() if limits is not None]
        if not self._kinds:
            raise ValueError(f"Expected levels for one of {list(levels)} at least, got none")

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        """Return the occluded copy of ``image`` and its label map; see :class:`Occluder`.

        Raises:
            ValueError: If the patch is larger than the image, or the placement was made for another image size.
        """
        height, width = image.shape[:2]
        if self.size[0] > height or self.size[1] > width:
            raise ValueError(
                f"Expected images of at least the patch's {self.size[0]} × {self.size[1]} pixels (height × width), "
                f"got one of {height} × {width}"
            )
        window = occluder_window(self.placement(height, width, generator), self.size, (height, width))
        covered, mask = np.array(image, order="C"), np.zeros((height, width), np.uint8)
        mask[window] = 1
        covered[window] = self._draw(mask[window].shape, generator)
        return Occluded(covered, mask, self.name)

    def _draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> UInt8Image:
        """Return the visible part of a new patch, ``(h, w, 3)``, or ``(h, w, 1)`` if grey."""
        intensity = generator.integers(0, 256, self.channels).astype(np.float32)
        noise, low, high = self._kinds[int(generator.integers(len(self._kinds)))]
        clean: Float32 = np.broadcast_to(intensity, (*shape, self.channels))
        noisy = noise(clean, generator.uniform(low, high), generator)
        return np.asarray(np.rint(np.clip(noisy, 0, 255)), np.uint8)


def _check_levels(kind: str, levels: Levels | None, *, highest: float = float("inf")) -> None:
    if levels is None:
        return
    low, high = levels
    if not (0 <= low <= high <= highest and high < float("inf")):
        limit = "" if highest == float("inf") else f" ≤ {highest:g}"
        raise ValueError(f"Expected `{kind}` as 0 ≤ low ≤ high{limit}, finite, got {low} to {high}")

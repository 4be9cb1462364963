"""Where a model errs most: placement by a saved occlusion map."""

import os
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.occlusion_map_file import OcclusionMap, pixels


def placement_distribution(error_map: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Return the probability of each pixel as an occluder's centre.

    P[i, j] = exp(O[i, j] / T) / Σ exp(O / T)

    Args:
        error_map: O, ``(H, W)``, the error rate with the occluder centred at each pixel, finite.
        temperature: T > 0. A high one gives every pixel the same probability, a low one all to where O is highest.

    Returns:
        P, ``(H, W)``, with sum 1.

    Raises:
        ValueError: If the map is not two-dimensional, or T not positive and finite.

    Source: Sáez Trigueros et al., Eq. 4.

    Example:
        >>> placement_distribution(np.array([[0.0, np.log(2)], [0.0, 0.0]]), 1.0)
        array([[0.2, 0.4],
               [0.2, 0.2]])
    """
    _check_temperature(temperature)
    if error_map.ndim != 2:
        raise ValueError(f"Expected `error_map` of shape (H, W), got {error_map.shape}")
    heights = error_map.astype(np.float64)
    heights -= heights.max()  # no exponential overflows, and one is 1
    with np.errstate(over="ignore"):  # a tiny temperature: exp(−∞) is the 0 that it should be
        weights = np.exp(heights / temperature)
    return np.asarray(weights / weights.sum())


class StrategicPlacement:
    """Centres an occluder where a model errs most, by a saved occlusion map; satisfies :class:`Placement`.

    The map is read at construction and again whenever its file has been replaced, in whatever process, so that
    a map renewed during training is followed. It must stay one of the same image and occluder size.

    Source: Sáez Trigueros et al., section 3.1, scheme P.

    Args:
        map_file: Occlusion map, see :class:`~datamodules.seams.occlusion_map_file.OcclusionMap`.
        temperature: T of :func:`placement_distribution`; the paper's are 0.25, 0.4 and 0.6 for occluders of 20 × 20,
            20 × 40 and 40 × 40 pixels.

    Raises:
        ValueError: If ``temperature`` is not positive and finite.
        DataError: If the map cannot be used, at construction as when it is read again.
    """

    def __init__(self, map_file: Path | str, temperature: float) -> None:
        _check_temperature(temperature)
        self.map_file = Path(map_file)
        self.temperature = temperature
        self._version = _version(self.map_file)
        self._use(OcclusionMap.load(self.map_file))

    def __call__(self, height: int, width: int, generator: np.random.Generator) -> tuple[int, int]:
        """Return a centre (row, column); see :class:`Placement`.

        Raises:
            DataError: If the image has another size than the map, or a replaced map cannot be used.
        """
        version = _version(self.map_file)
        if version != self._version:
            self._use(OcclusionMap.load(self.map_file, image_size=self._image_size, occluder_size=self._occluder_size))
            self._version = version
        if (height, width) != self._image_size:
            raise DataError(
                f"{self.map_file}: expected images of the map's {pixels(self._image_size)}, "
                f"got one of {pixels((height, width))}"
            )
        pixel = int(self._cumulative.searchsorted(generator.random(), side="right"))
        return divmod(pixel, width)

    def check_occluder(self, height: int, width: int) -> None:
        """Refuse an occluder of another size than the map was made with.

        Raises:
            DataError: If it has another.
        """
        if (height, width) != self._occluder_size:
            raise DataError(
                f"{self.map_file}: expected an occluder of the map's {pixels(self._occluder_size)}, "
                f"got one of {pixels((height, width))}"
            )

    def _use(self, occlusion_map: OcclusionMap) -> None:
        self._image_size = occlusion_map.image_size
        self._occluder_size = occlusion_map.occluder_size
        cumulative = placement_distribution(occlusion_map.error, self.temperature).cumsum()  # (H · W,)
        self._cumulative = cumulative / cumulative[-1]  # ends in exactly 1, which no draw reaches


def _version(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file is replaced; looked at before reading, so that no change is missed."""
    try:
        status = os.stat(path)  # noqa: PTH116  # called for every image, and twice as fast as Path's
    except OSError as error:
        raise DataError(f"{path}: expected an occlusion map, found no such file") from error
    return status.st_mtime_ns, status.st_ino, status.st_size


def _check_temperature(temperature: float) -> None:
    if not (temperature > 0 and isfinite(temperature)):
        raise ValueError(f"Expected `temperature` above 0 and finite, got {temperature}")

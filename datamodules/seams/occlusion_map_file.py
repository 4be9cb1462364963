"""A saved occlusion map: where on a face an occluder costs a model how much, and how that was found."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.npz_file import read_npz
from datamodules.whole_file import whole_file

_REQUIRED = ("error", "occluder_size", "fill", "stride", "indices", "model", "checkpoint")
_SINGLE = np.lib.format.MAGIC_PREFIX


@dataclass(frozen=True, eq=False)
class OcclusionMap:
    """The error rate of a model with an occluder centred at every pixel, and what it was measured with.

    Source: Sáez Trigueros et al., section 3.1, Eq. 3.

    Raises:
        ValueError: If a field has another shape, type or range than it says.

    Example:
        >>> import tempfile
        >>> found = OcclusionMap(
        ...     error=np.array([[0.0, 0.5], [0.25, 0.25]]),
        ...     occluder_size=(20, 40),
        ...     fill=np.zeros(3),
        ...     stride=1,
        ...     indices=np.arange(1000),
        ...     model="3f2a",
        ...     checkpoint="runs/a/last.ckpt",
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found.save(f"{folder}/map.npz")
        ...     OcclusionMap.load(f"{folder}/map.npz", occluder_size=(20, 40)).mean_accuracy
        0.75
    """

    error: NDArray[np.float32]
    """O, ``(H, W)`` float32 in [0, 1]: share of the images that are classified wrongly; of the images' size."""
    occluder_size: tuple[int, int]
    """(height, width) in pixels; for what it covers see :func:`~datamodules.occluders.window.occluder_window`."""
    fill: NDArray[np.float32]
    """What the occluder was filled with, ``(C,)`` float32 in raw pixel units, 0 to 255."""
    stride: int
    """Pixels between the centres that were measured; the others are filled in from those."""
    indices: NDArray[np.int64]
    """Images that were used, ``(N,)`` int64, as indices of their source."""
    model: str
    """Fingerprint of the weights."""
    checkpoint: str
    """Path or description of the weights."""
    standard_error: NDArray[np.float32] | None = None
    """Standard error of ``error``, ``(H, W)`` float32 in [0, 1], or ``None``."""

    def __post_init__(self) -> None:
        for complaint in _complaints(self):
            raise ValueError(f"Expected {complaint}")
        standard_error = None if self.standard_error is None else np.asarray(self.standard_error, np.float32)
        # what is held is what a file holds, whatever precision it came in
        held: dict[str, Any] = {
            "error": np.asarray(self.error, np.float32),
            "occluder_size": (int(self.occluder_size[0]), int(self.occluder_size[1])),
            "fill": np.asarray(self.fill, np.float32),
            "stride": int(self.stride),
            "indices": np.asarray(self.indices, np.int64),
            "standard_error": standard_error,
        }
        for name, value in held.items():
            object.__setattr__(self, name, value)

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the images, in pixels."""
        height, width = self.error.shape
        return height, width

    @property
    def mean_accuracy(self) -> float:
        """1 − mean(O), the measure of Table 1, in [0, 1]."""
        return 1.0 - float(self.error.mean(dtype=np.float64))

    @property
    def std(self) -> float:
        """Population standard deviation of O over locations, as in Table 1."""
        return float(self.error.std(dtype=np.float64))

    def save(self, path: Path | str) -> None:
        """Write the map so that ``path`` holds it whole, or what it held before.

        The folder is made where it is missing.

        Raises:
            OSError: If it cannot be written.
        """
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _REQUIRED}
        if self.standard_error is not None:
            arrays["standard_error"] = self.standard_error
        arrays["occluder_size"] = np.array(self.occluder_size, np.int64)
        arrays["stride"] = np.int64(self.stride)
        with whole_file(path) as file:
            np.savez(file, **arrays)

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        image_size: tuple[int, int] | None = None,
        occluder_size: tuple[int, int] | None = None,
        model: str | None = None,
    ) -> "OcclusionMap":
        """Read a map and check that it belongs to what it is asked for; nothing is unpickled.

        Args:
            path: A file of :meth:`save`.
            image_size: (height, width) that the map must have.
            occluder_size: (height, width) of the occluder that it must have been made with.
            model: Fingerprint of the model that it must have been made of.

        Raises:
            DataError: One line with the path, if the file is missing, is no ``.npz`` file, lacks an array, holds
                one of another shape, type or range, or belongs to another image size, occluder or model.
        """
        found = _parse(path, _read(Path(path)))
        if image_size is not None and tuple(image_size) != found.image_size:
            raise DataError(f"{path}: expected a map of {pixels(image_size)}, got one of {pixels(found.image_size)}")
        if occluder_size is not None and tuple(occluder_size) != found.occluder_size:
            raise DataError(
                f"{path}: expected a map of an occluder of {pixels(occluder_size)}, "
                f"got one of {pixels(found.occluder_size)}"
            )
        if model is not None and model != found.model:
            raise DataError(f"{path}: expected a map of model {model}, got one of {found.model}")
        return found


def pixels(size: tuple[int, int]) -> str:
    """Return a (height, width) in words.

    Example:
        >>> pixels((20, 40))
        '20 × 40 pixels (height × width)'
    """
    return f"{size[0]} × {size[1]} pixels (height × width)"


def _read(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise DataError(f"{path}: expected an occlusion map, found no such file")
    try:
        with path.open("rb") as file:
            single = file.read(len(_SINGLE)) == _SINGLE
        arrays = {} if single else read_npz(path, {*_REQUIRED, "standard_error"})
    except Exception as error:  # a damaged archive can fail in any way
        raise DataError(f"{path}: expected an occlusion map (.npz), got a file that cannot be read") from error
    if single:
        raise DataError(f"{path}: expected an occlusion map (.npz), got a single array")
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise DataError(f"{path}: expected the arrays {list(_REQUIRED)}, found no '{missing[0]}'")
    return arrays


def _parse(path: Path | str, arrays: dict[str, NDArray[Any]]) -> OcclusionMap:
    # one number or text is an array without dimensions
    values: dict[str, Any] = {name: array.item() if array.ndim == 0 else array for name, array in arrays.items()}
    try:
        return OcclusionMap(**values)
    except ValueError as error:
        raise DataError(f"{path}: {str(error).replace('Expected', 'expected', 1)}") from error


def _complaints(found: OcclusionMap) -> Iterator[str]:
    """Yield what is wrong; each check may rely on those before it."""
    for name, value, dimensions, highest in (
        ("error", found.error, 2, 1),
        ("standard_error", found.standard_error, 2, 1),
        ("fill", found.fill, 1, 255),
    ):
        if value is not None:
            yield from _complaints_of_array(name, value, dimensions, highest)
    if found.standard_error is not None and np.shape(found.standard_error) != np.shape(found.error):
        yield f"`standard_error` of shape {np.shape(found.error)}, as `error`, got {np.shape(found.standard_error)}"
    sizes = np.asarray(found.occluder_size)
    if sizes.shape != (2,) or sizes.dtype.kind not in "iu" or sizes.min() < 1:
        yield f"`occluder_size` as (height, width) of at least 1, got {sizes.tolist()}"
    if not isinstance(found.stride, int | np.integer) or found.stride < 1:
        yield f"`stride` of at least 1, got {found.stride}"
    indices = np.asarray(found.indices)
    if indices.ndim != 1 or not (indices.size == 0 or (indices.dtype.kind in "iu" and indices.min() >= 0)):
        yield f"`indices` as whole numbers (N,) of at least 0, got shape {indices.shape} of {indices.dtype}"
    for name, text in (("model", found.model), ("checkpoint", found.checkpoint)):
        if not isinstance(text, str):
            yield f"`{name}` as text, got {type(text).__name__}"


def _complaints_of_array(name: str, value: NDArray[Any], dimensions: int, highest: float) -> Iterator[str]:
    value = np.asarray(value)
    if value.ndim != dimensions or value.size == 0:
        yield f"`{name}` of {dimensions} dimension{'s' * (dimensions > 1)}, not empty, got shape {value.shape}"
    elif value.dtype.kind not in "fiu":
        yield f"`{name}` of numbers, got {value.dtype}"
    elif not np.isfinite(value).all():
        yield f"`{name}` of finite numbers, got NaN or infinity"
    elif value.min() < 0 or value.max() > highest:
        yield f"`{name}` in [0, {highest:g}], got {value.min():g} to {value.max():g}"

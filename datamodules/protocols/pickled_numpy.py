"""What stands for numpy's objects while a pickle is read: numpy's own would trust it."""

import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

_CODES = ("b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
_FLOATS = ("f2", "f4", "f8")
_MAX_DIMENSIONS = 4


class RefusedPickleError(Exception):
    """What a pickle holds and may not."""


class PickledDtype:
    """A type of bools or integers, or of floats where these may be, as numpy pickles it.

    Attributes:
        code: Kind and number of bytes.
        order: Byte order, as numpy writes it.
    """

    def __init__(self, code: object, *, floats: bool = False) -> None:
        self.code, self.order = _text(code), "<"
        if self.code not in _CODES + _FLOATS * floats:
            raise RefusedPickleError(f"numpy.dtype({short(code)})")

    @property
    def itemsize(self) -> int:
        """Number of bytes of an item."""
        return int(self.code[1])

    def set_state(self, state: object) -> None:
        """Take what follows a type in a pickle: all but the byte order must say that there is nothing more."""
        match state:
            case (int(), str() | bytes() as order, None, None, None, -1, -1, 0) if _text(order) in ("|", "<", ">"):
                self.order = _text(order)
            case _:
                raise RefusedPickleError(f"numpy.dtype({self.code!r}) with fields, parts or another state")

    def integers(self, data: bytes) -> list[int]:
        """Return the items in ``data``; bools are read as the bytes that they are."""
        if self.code in _FLOATS:
            raise RefusedPickleError(f"numpy.dtype({self.code!r}) for integers")
        return [int(item) for item in np.frombuffer(data, dtype=self.order + self.code.replace("b", "u"))]

    def number(self, data: bytes) -> int | float:
        """Return the one item in ``data``."""
        if self.code in _FLOATS:
            return float(np.frombuffer(data, dtype=self.order + self.code)[0])
        return self.integers(data)[0]


class PickledArray:
    """An array of bools or integers, or of floats where these may be, as numpy pickles it.

    Attributes:
        data: Its bytes.
        dtype: Its type, ``None`` as long as it has no state.
    """

    def __init__(self) -> None:
        self.data = b""
        self.dtype: PickledDtype | None = None

    def set_state(self, state: object) -> None:
        """Take what follows an array in a pickle: version, shape, type, order and bytes."""
        match state:
            case (1, tuple(shape), PickledDtype() as dtype, 0 | 1, bytes(data)):
                _check_shape(shape, len(data), dtype)
                self.data, self.dtype = data, dtype
            case _:
                raise RefusedPickleError("a numpy array without its bytes")

    def integers(self) -> list[int]:
        """Return its items, in the order of its bytes."""
        return [] if self.dtype is None else self.dtype.integers(self.data)


def short(value: object) -> str:
    """Show text, or the type of anything else: lists within lists of a hostile pickle have no end."""
    return repr(value[:40]) if isinstance(value, str | bytes) else type(value).__name__


def numpy_stand_ins(*, floats: bool = False) -> Mapping[tuple[str, str], Callable[..., object]]:
    """Return what stands for each object of numpy's that a pickle may name, by module and name.

    Args:
        floats: Whether numbers may be other than whole.
    """
    cores = ("numpy.core", "numpy._core")
    return {
        ("numpy", "dtype"): partial(_dtype, floats=floats),
        ("numpy", "ndarray"): _ndarray,
        **{(f"{core}.multiarray", "_reconstruct"): _reconstruct for core in cores},
        **{(f"{core}.multiarray", "scalar"): _scalar for core in cores},
        **{(f"{core}.numeric", "_frombuffer"): _frombuffer for core in cores},
    }


def _dtype(code: object, align: object, copy: object, *, floats: bool) -> PickledDtype:
    return PickledDtype(code, floats=floats)


def _ndarray() -> object:
    raise RefusedPickleError("a call of numpy.ndarray")


def _reconstruct(subtype: object, shape: object, code: object) -> PickledArray:
    if getattr(subtype, "call", None) is not _ndarray or shape != (0,) or code != b"b":
        raise RefusedPickleError("a numpy array of another kind")
    return PickledArray()


def _scalar(dtype: object, data: object) -> int | float:
    if not isinstance(dtype, PickledDtype) or not isinstance(data, bytes) or len(data) != dtype.itemsize:
        raise RefusedPickleError("a numpy scalar that is no bool or integer")
    return dtype.number(data)


def _frombuffer(data: object, dtype: object, shape: object, order: object, axes: object = None) -> PickledArray:
    array = PickledArray()
    array.set_state((1, shape, dtype, order == "F", data))
    return array


def _check_shape(shape: tuple[object, ...], size: int, dtype: PickledDtype) -> None:
    lengths = [length for length in shape if isinstance(length, int) and 0 <= length <= size]
    if not len(lengths) == len(shape) <= _MAX_DIMENSIONS or math.prod(lengths) * dtype.itemsize != size:
        raise RefusedPickleError(f"{size} bytes for a numpy array of another shape")


def _text(value: object) -> str:
    """Text that may be one of Python 2, empty for anything else."""
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""

"""Which part of an axis an occluder covers, and which part of a layer's output it can have changed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Spans(NamedTuple):
    """Half-open ranges ``[start, stop)`` on one axis, one for each occluder position."""

    start: Ints
    stop: Ints

    @property
    def size(self) -> Ints:
        """Lengths."""
        return self.stop - self.start


def covered(centres: Ints, size: int, length: int) -> Spans:
    """Return the pixels that an occluder covers: ``i − ⌊size/2⌋`` to ``i − ⌊size/2⌋ + size − 1``, cut at the border.

    Args:
        centres: Centre pixels i, ``(P,)``.
        size: Side of the occluder in pixels.
        length: Side of the image in pixels.

    Example:
        >>> covered(np.array([0, 5, 9]), 4, 10)
        Spans(start=array([0, 3, 7]), stop=array([ 2,  7, 10]))
    """
    start = centres - size // 2
    return Spans(np.maximum(start, 0), np.minimum(start + size, length))


class Sliding(NamedTuple):
    """How a convolution or pooling reads an axis: output o reads ``o·stride − padding + dilation·(0 … kernel − 1)``."""

    kernel: int
    stride: int
    padding: int
    dilation: int
    in_length: int
    out_length: int

    @property
    def reach(self) -> int:
        """Distance from the first to the last input that an output reads."""
        return self.dilation * (self.kernel - 1)

    @property
    def overhang(self) -> int:
        """Entries past the input's end that the last output reads."""
        return max(0, (self.out_length - 1) * self.stride - self.padding + self.reach + 1 - self.in_length)

    def outputs(self, spans: Spans) -> Spans:
        """Return the outputs that read any input of ``spans``; at least one, changed or not."""
        start = -((self.reach - self.padding - spans.start) // self.stride)
        stop = (spans.stop - 1 + self.padding) // self.stride + 1
        start = np.clip(start, 0, self.out_length - 1)
        return Spans(start, np.clip(stop, start + 1, self.out_length))

    def inputs(self, spans: Spans) -> Spans:
        """Return what the outputs of ``spans`` read; it may lie outside of the input, which is padding."""
        start = spans.start * self.stride - self.padding
        return Spans(start, (spans.stop - 1) * self.stride - self.padding + self.reach + 1)


class ReceptiveField(NamedTuple):
    """The input pixels ``[o·jump + first, o·jump + last]`` that output o of a layer depends on, along one axis."""

    jump: int
    first: int
    last: int

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.last - self.first + 1

    def through(self, sliding: Sliding) -> "ReceptiveField":
        """Return the field of the next layer's outputs.

        Example:
            >>> ReceptiveField(1, 0, 0).through(Sliding(3, 2, 1, 1, 8, 4))
            ReceptiveField(jump=2, first=-1, last=1)
        """
        first = self.first - sliding.padding * self.jump
        return ReceptiveField(self.jump * sliding.stride, first, first + sliding.reach * self.jump + self.size - 1)

    def union(self, other: "ReceptiveField") -> "ReceptiveField":
        """Return the field of outputs that combine two layers of the same size."""
        return ReceptiveField(self.jump, min(self.first, other.first), max(self.last, other.last))

"""Tables of named parameters, drawn for many keys at once and for each key on its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Geometry: parameters and points."""

Pixels = NDArray[np.float32]
"""Maps of an image's size."""

Columns = dict[str, Floats]
"""Parameters of a batch: ``(B, 1)`` for a scalar, ``(B, n)`` for a block, ready to broadcast against ``(P,)``."""

_TAIL = 2.2  # normal draws are clipped at so many standard deviations: no monsters


@dataclass(frozen=True)
class ParameterTable:
    """Distributions of named parameters.

    Args:
        normals: Mean and standard deviation of clipped normal parameters.
        uniforms: Lower and upper end of uniform parameters.
        blocks: Length of vectors of independent uniform numbers in ``[0, 1)``.

    Example:
        >>> table = ParameterTable(normals={"width": (1.0, 0.1)}, blocks={"freckles": 3})
        >>> columns = table.draw([(0, 1), (0, 2)])
        >>> columns["width"].shape, columns["freckles"].shape
        ((2, 1), (2, 3))
        >>> bool(table.draw([(0, 2)])["width"][0, 0] == columns["width"][1, 0])
        True
    """

    normals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    uniforms: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    blocks: Mapping[str, int] = field(default_factory=dict)

    def draw(self, keys: Sequence[tuple[int, ...]]) -> Columns:
        """Draw every parameter for every key; a row depends on its own key alone."""
        number = len(self.uniforms) + sum(self.blocks.values())
        normal = np.empty((len(keys), len(self.normals)))
        uniform = np.empty((len(keys), number))
        for row, key in enumerate(keys):
            generator = np.random.default_rng(key)
            generator.standard_normal(out=normal[row])
            generator.random(out=uniform[row])
        return self._scale(np.clip(normal, -_TAIL, _TAIL), uniform)

    def _scale(self, normal: Floats, uniform: Floats) -> Columns:
        columns: Columns = {}
        for i, (name, (mean, deviation)) in enumerate(self.normals.items()):
            columns[name] = mean + deviation * normal[:, i : i + 1]
        for i, (name, (low, high)) in enumerate(self.uniforms.items()):
            columns[name] = low + (high - low) * uniform[:, i : i + 1]
        start = len(self.uniforms)
        for name, length in self.blocks.items():
            columns[name] = uniform[:, start : start + length]
            start += length
        return columns

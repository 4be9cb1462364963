"""The built-in categories of occluders: a new one is a line here."""

from collections.abc import Mapping
from functools import cache
from zlib import crc32

import numpy as np

from datamodules.occluders.drawn.category import Category
from datamodules.occluders.drawn.colours import SPLITS, Split
from datamodules.occluders.drawn.cup import CUP
from datamodules.occluders.drawn.doctor_mask import DOCTOR_MASK
from datamodules.occluders.drawn.party_mask import PARTY_MASK
from datamodules.occluders.drawn.scarf import SCARF
from datamodules.occluders.drawn.sunglasses import SUNGLASSES
from datamodules.occluders.sprite import Sprite

_BUILT_IN = (
    SUNGLASSES,
    PARTY_MASK,
    SCARF,
    DOCTOR_MASK,
    CUP,
)
CATEGORIES: Mapping[str, Category] = {category.name: category for category in _BUILT_IN}
"""Categories by name: the five of the SOIDN paper (Fig. 7)."""


@cache
def drawn_sprite(category: str, split: Split, index: int) -> Sprite:
    """Return instance ``index`` of a category, drawn once per process: a pure function of (category, split, index).

    Args:
        category: One of :data:`CATEGORIES`.
        split: Training and held-out instances share neither outlines, nor patterns, nor hues.
        index: Any number from 0.
    """
    generator = np.random.default_rng((crc32(category.encode()), SPLITS.index(split), index))
    return CATEGORIES[category].sprite(generator, split)

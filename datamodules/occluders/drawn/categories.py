"""The built-in categories of occluders, and how often training meets which: a new one is a line in both."""

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
from datamodules.seams.conditions import CLEAN

_BUILT_IN = (
    SUNGLASSES,
    PARTY_MASK,
    SCARF,
    DOCTOR_MASK,
    CUP,
)
CATEGORIES: Mapping[str, Category] = {category.name: category for category in _BUILT_IN}
"""Categories by name: the five of the SOIDN paper (Fig. 7)."""

DEFAULT_MIXTURE: dict[str, float] = {
    CLEAN: 0.33,
    "sunglasses": 0.15,
    "party_mask": 0.12,
    "scarf": 0.15,
    "doctor_mask": 0.12,
    "cup": 0.08,
    "sunglasses+scarf": 0.05,
}
"""How often training meets which occluder, where a configuration does not say; the paper does not."""


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

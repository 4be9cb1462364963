"""Drawn occluders: instance ``k`` of a category is a pure function of (category, split, k)."""

from collections.abc import Callable, Mapping
from functools import cache
from zlib import crc32

import numpy as np

from datamodules.occluders.drawn.colours import SPLITS, Split
from datamodules.occluders.drawn.cup import draw_cup
from datamodules.occluders.drawn.doctor_mask import draw_doctor_mask
from datamodules.occluders.drawn.party_mask import draw_party_mask
from datamodules.occluders.drawn.scarf import draw_scarf
from datamodules.occluders.drawn.sunglasses import draw_sunglasses
from datamodules.occluders.sprite import Sprite

__all__ = ["CATEGORIES", "SPLITS", "Split", "drawn_sprite"]

CATEGORIES: Mapping[str, Callable[[np.random.Generator, Split], Sprite]] = {
    "sunglasses": draw_sunglasses,
    "party_mask": draw_party_mask,
    "scarf": draw_scarf,
    "doctor_mask": draw_doctor_mask,
    "cup": draw_cup,
}
"""The five categories of the SOIDN paper (Fig. 7) and what draws them."""


@cache
def drawn_sprite(category: str, split: Split, index: int) -> Sprite:
    """Return instance ``index`` of a category, drawn once per process.

    Args:
        category: One of :data:`CATEGORIES`.
        split: Training and held-out instances share neither outlines, nor patterns, nor hues.
        index: Any number from 0.
    """
    rng = np.random.default_rng((crc32(category.encode()), SPLITS.index(split), index))
    return CATEGORIES[category](rng, split)

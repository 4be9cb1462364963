"""Drawn occluders: instance ``k`` of a category is a pure function of (category, split, k)."""

from datamodules.occluders.drawn.categories import CATEGORIES, drawn_sprite
from datamodules.occluders.drawn.category import Category, FrozenCategory
from datamodules.occluders.drawn.colours import SPLITS, Split
from datamodules.occluders.drawn.kept_sprites import kept_sprite

__all__ = ["CATEGORIES", "SPLITS", "Category", "FrozenCategory", "Split", "drawn_sprite", "kept_sprite"]

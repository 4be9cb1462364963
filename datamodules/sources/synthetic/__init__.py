"""A procedural renderer of faces of people who do not exist."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.sources.synthetic.synthetic_faces import SyntheticFaces

__all__ = ["SyntheticFaces"]

export_lazily(__name__)

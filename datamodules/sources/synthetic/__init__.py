"""A procedural renderer of faces of people who do not exist."""

from datamodules.sources.synthetic.synthetic_faces import SyntheticFaces

__all__ = ["SyntheticFaces"]

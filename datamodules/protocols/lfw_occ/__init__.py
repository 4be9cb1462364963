"""LFW-occ: LFW's pairs under occluders, drawn bit for bit alike on every machine."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.protocols.lfw_occ.drawn_protocol import lfw_occ
    from datamodules.protocols.lfw_occ.made_protocol import lfw_occ_from
    from datamodules.protocols.lfw_occ.occluded_faces import OccludedFaces

__all__ = ["OccludedFaces", "lfw_occ", "lfw_occ_from"]

export_lazily(__name__)

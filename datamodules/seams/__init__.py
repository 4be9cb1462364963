"""All that models and callbacks may know of data: batch, source, protocol, occlusion map, names of conditions."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.seams.conditions import AGGREGATES, CLEAN, check_conditions
    from datamodules.seams.evaluation_protocol import EvaluationProtocol, Identification, VerificationPairs
    from datamodules.seams.face_batch import FaceBatch
    from datamodules.seams.face_source import FaceSource, Landmarks, UInt8Image
    from datamodules.seams.label_maps import LabelMaps
    from datamodules.seams.occlusion_map_file import OcclusionMap
    from datamodules.seams.templates import Templates

__all__ = [
    "AGGREGATES",
    "CLEAN",
    "EvaluationProtocol",
    "FaceBatch",
    "FaceSource",
    "Identification",
    "LabelMaps",
    "Landmarks",
    "OcclusionMap",
    "Templates",
    "UInt8Image",
    "VerificationPairs",
    "check_conditions",
]

export_lazily(__name__)

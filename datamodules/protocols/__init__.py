"""What is compared with what: the protocols by which face recognition is evaluated."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.protocols.ar import ar_faces
    from datamodules.protocols.csv_identification import csv_identification
    from datamodules.protocols.csv_pairs import csv_pairs
    from datamodules.protocols.file_list import FileList
    from datamodules.protocols.ijb_templates import ijb_templates
    from datamodules.protocols.insightface_bin import EncodedImages, bin_pairs
    from datamodules.protocols.labelled_images import labelled_images
    from datamodules.protocols.lfw import lfw_pairs
    from datamodules.protocols.lfw_occ.drawn_protocol import lfw_occ
    from datamodules.protocols.lfw_occ.made_protocol import lfw_occ_from
    from datamodules.protocols.lfw_occ.occluded_faces import OccludedFaces
    from datamodules.protocols.lfw_occ.own_occluders import lfw_own
    from datamodules.protocols.mfr2 import mfr2_pairs
    from datamodules.protocols.rmfrd import rmfrd_faces
    from datamodules.protocols.rof import rof_faces
    from datamodules.seams.evaluation_protocol import EvaluationProtocol, Identification, VerificationPairs
    from datamodules.seams.templates import Templates

__all__ = [
    "EncodedImages",
    "EvaluationProtocol",
    "FileList",
    "Identification",
    "OccludedFaces",
    "Templates",
    "VerificationPairs",
    "ar_faces",
    "bin_pairs",
    "csv_identification",
    "csv_pairs",
    "ijb_templates",
    "labelled_images",
    "lfw_occ",
    "lfw_occ_from",
    "lfw_own",
    "lfw_pairs",
    "mfr2_pairs",
    "rmfrd_faces",
    "rof_faces",
]

export_lazily(__name__)

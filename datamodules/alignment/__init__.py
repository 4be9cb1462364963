"""Crops of faces with their landmarks on a template, made once for a whole folder."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.alignment.align_folder import ALIGNED, ALREADY_THERE, CropOutcome, align_folder
    from datamodules.alignment.aligner import TRANSFORMS, Aligner
    from datamodules.alignment.alignment_error import AlignmentError
    from datamodules.alignment.crop_folder import CropFolder
    from datamodules.alignment.crop_report import CropReport
    from datamodules.alignment.declared import agreed_template, declared_settings, declared_template
    from datamodules.alignment.detector import Detector, load_detector
    from datamodules.alignment.landmark_table import LandmarkTable
    from datamodules.alignment.transforms import affine, misfit, similarity
    from datamodules.alignment.unaligned_faces import UnalignedFaces
    from datamodules.alignment.warp_crop import warp_crop
    from datamodules.alignment.yunet import YuNet

__all__ = [
    "ALIGNED",
    "ALREADY_THERE",
    "TRANSFORMS",
    "Aligner",
    "AlignmentError",
    "CropFolder",
    "CropOutcome",
    "CropReport",
    "Detector",
    "LandmarkTable",
    "UnalignedFaces",
    "YuNet",
    "affine",
    "agreed_template",
    "align_folder",
    "declared_settings",
    "declared_template",
    "load_detector",
    "misfit",
    "similarity",
    "warp_crop",
]

export_lazily(__name__)

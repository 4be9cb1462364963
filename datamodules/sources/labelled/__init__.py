"""Photographs whose occluders somebody has labelled, in the layouts in which such sets circulate."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.sources.labelled.celebamask_hq import CelebAMaskHQ
    from datamodules.sources.labelled.crop_square import CropSquare
    from datamodules.sources.labelled.face_region import FaceRegion
    from datamodules.sources.labelled.landmark_ellipse import LandmarkEllipse
    from datamodules.sources.labelled.landmark_hull import LandmarkHull
    from datamodules.sources.labelled.mask_folders import COFW, MaskFolders, RealOcc
    from datamodules.sources.labelled.mask_hull import MaskHull
    from datamodules.sources.labelled.ocfr import OCFR

__all__ = [
    "COFW",
    "OCFR",
    "CelebAMaskHQ",
    "CropSquare",
    "FaceRegion",
    "LandmarkEllipse",
    "LandmarkHull",
    "MaskFolders",
    "MaskHull",
    "RealOcc",
]

export_lazily(__name__)

"""Where faces come from, and where their landmarks are."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.seams.face_source import FaceSource
    from datamodules.sources.image_folder import ImageFolder
    from datamodules.sources.joined_sources import JoinedSources
    from datamodules.sources.labelled.celebamask_hq import CelebAMaskHQ
    from datamodules.sources.labelled.crop_square import CropSquare
    from datamodules.sources.labelled.landmark_ellipse import LandmarkEllipse
    from datamodules.sources.labelled.landmark_hull import LandmarkHull
    from datamodules.sources.labelled.mask_folders import COFW, MaskFolders, RealOcc
    from datamodules.sources.labelled.mask_hull import MaskHull
    from datamodules.sources.labelled.ocfr import OCFR
    from datamodules.sources.landmarks import ALIGNMENTS, CsvLandmarks, FixedLandmarks, LandmarkSource, SourceLandmarks
    from datamodules.sources.open_source import describe, open_source
    from datamodules.sources.recordio import RecordIO
    from datamodules.sources.shards.shards import Shards
    from datamodules.sources.synthetic import SyntheticFaces

__all__ = [
    "ALIGNMENTS",
    "COFW",
    "OCFR",
    "CelebAMaskHQ",
    "CropSquare",
    "CsvLandmarks",
    "FaceSource",
    "FixedLandmarks",
    "ImageFolder",
    "JoinedSources",
    "LandmarkEllipse",
    "LandmarkHull",
    "LandmarkSource",
    "MaskFolders",
    "MaskHull",
    "RealOcc",
    "RecordIO",
    "Shards",
    "SourceLandmarks",
    "SyntheticFaces",
    "describe",
    "open_source",
]

export_lazily(__name__)

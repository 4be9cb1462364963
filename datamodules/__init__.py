"""Data in, FaceBatch out; knows no model and no loss."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.augmentation import Augmentation
    from datamodules.face_data_module import FaceDataModule
    from datamodules.identity_sampler import IdentityBatches
    from datamodules.image_checks import ImageChecks
    from datamodules.image_split import ImageShares
    from datamodules.loading import Loading
    from datamodules.seams.face_batch import FaceBatch
    from datamodules.segmentation_data_module import SegmentationDataModule
    from datamodules.split import SplitSettings

__all__ = [
    "Augmentation",
    "FaceBatch",
    "FaceDataModule",
    "IdentityBatches",
    "ImageChecks",
    "ImageShares",
    "Loading",
    "SegmentationDataModule",
    "SplitSettings",
]

export_lazily(__name__)

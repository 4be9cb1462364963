"""Data in, FaceBatch out; knows no model and no loss."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.augmentation import Augmentation
    from datamodules.face_data_module import FaceDataModule
    from datamodules.identity_sampler import IdentityBatches
    from datamodules.image_checks import ImageChecks
    from datamodules.loading import Loading
    from datamodules.seams.face_batch import FaceBatch
    from datamodules.split import SplitSettings

__all__ = [
    "Augmentation",
    "FaceBatch",
    "FaceDataModule",
    "IdentityBatches",
    "ImageChecks",
    "Loading",
    "SplitSettings",
]

export_lazily(__name__)

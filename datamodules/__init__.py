"""Data in, FaceBatch out; knows no model and no loss."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.augmentation import Augmentation
    from datamodules.face_data_module import FaceDataModule
    from datamodules.identity_sampler import IdentityBatches
    from datamodules.seams.face_batch import FaceBatch

__all__ = ["Augmentation", "FaceBatch", "FaceDataModule", "IdentityBatches"]

export_lazily(__name__)

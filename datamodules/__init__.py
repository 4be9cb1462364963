"""Data in, FaceBatch out; knows no model and no loss."""

from datamodules.augmentation import Augmentation
from datamodules.face_data_module import FaceDataModule
from datamodules.identity_sampler import IdentityBatches
from datamodules.seams.face_batch import FaceBatch

__all__ = ["Augmentation", "FaceBatch", "FaceDataModule", "IdentityBatches"]

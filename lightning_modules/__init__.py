"""One LightningModule per training method."""

from lightning_modules.classifier import ClassifierModule
from lightning_modules.schedule import WarmupCosine
from lightning_modules.segmentation import SegmentationModule
from lightning_modules.soidn import SOIDNModule
from lightning_modules.triplet import TripletModule, TripletOutput

__all__ = ["ClassifierModule", "SOIDNModule", "SegmentationModule", "TripletModule", "TripletOutput", "WarmupCosine"]

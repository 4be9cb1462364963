"""One LightningModule per training method."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from lightning_modules.classifier_module import ClassifierModule
    from lightning_modules.distillation_module import DistillationModule
    from lightning_modules.occlusion_pattern_module import OcclusionPatternModule
    from lightning_modules.segmentation_module import SegmentationModule
    from lightning_modules.soidn_module import SOIDNModule
    from lightning_modules.triplet_module import TripletModule, TripletOutput
    from lightning_modules.warmup_cosine import WarmupCosine

__all__ = [
    "ClassifierModule",
    "DistillationModule",
    "OcclusionPatternModule",
    "SOIDNModule",
    "SegmentationModule",
    "TripletModule",
    "TripletOutput",
    "WarmupCosine",
]

export_lazily(__name__)

"""What covers a face: drawn or photographed template occluders and mixtures of occluders."""

from datamodules.occluders.mixture import NONE, OccluderMixture, TemplateMixture
from datamodules.occluders.occluder import Occluded, Occluder
from datamodules.occluders.occlusion_map_file import OcclusionMap
from datamodules.occluders.template import TemplateOccluder
from datamodules.occluders.window import occluder_window

__all__ = [
    "NONE",
    "Occluded",
    "Occluder",
    "OccluderMixture",
    "OcclusionMap",
    "TemplateMixture",
    "TemplateOccluder",
    "occluder_window",
]

"""What covers a face: drawn or photographed template occluders and mixtures of occluders."""

from datamodules.occluders.mixture import NONE, OccluderMixture, TemplateMixture
from datamodules.occluders.occluder import Occluded, Occluder
from datamodules.occluders.template import TemplateOccluder

__all__ = ["NONE", "Occluded", "Occluder", "OccluderMixture", "TemplateMixture", "TemplateOccluder"]

"""What covers a face: templates, noise patches and where they lie, random erasing, and mixtures of occluders."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from datamodules.occluders.blending import Blending
    from datamodules.occluders.curriculum import Curriculum
    from datamodules.occluders.drawn import CATEGORIES
    from datamodules.occluders.mixture import OccluderMixture, TemplateMixture
    from datamodules.occluders.noise import gaussian, salt_and_pepper, speckle
    from datamodules.occluders.noise_patch import NoisePatch
    from datamodules.occluders.normal_placement import NormalPlacement
    from datamodules.occluders.occluder import EpochOccluder, Occluded, Occluder
    from datamodules.occluders.placement import Placement
    from datamodules.occluders.random_erasing import RandomErasing
    from datamodules.occluders.strategic_placement import StrategicPlacement, placement_distribution
    from datamodules.occluders.template import TemplateOccluder
    from datamodules.occluders.uniform_placement import UniformPlacement
    from datamodules.occluders.window import occluder_window
    from datamodules.seams.occlusion_map_file import OcclusionMap

__all__ = [
    "CATEGORIES",
    "Blending",
    "Curriculum",
    "EpochOccluder",
    "NoisePatch",
    "NormalPlacement",
    "Occluded",
    "Occluder",
    "OccluderMixture",
    "OcclusionMap",
    "Placement",
    "RandomErasing",
    "StrategicPlacement",
    "TemplateMixture",
    "TemplateOccluder",
    "UniformPlacement",
    "gaussian",
    "occluder_window",
    "placement_distribution",
    "salt_and_pepper",
    "speckle",
]

export_lazily(__name__)

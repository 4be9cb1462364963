"""The occlusion-map engine: plain torch, for any network that maps images to logits."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from callbacks.occlusion_sensitivity.maps import NotFiniteError, OcclusionMaps, occlusion_error_map, occlusion_maps
    from callbacks.occlusion_sensitivity.sampled import SampledMap, sampled_error_map

__all__ = [
    "NotFiniteError",
    "OcclusionMaps",
    "SampledMap",
    "occlusion_error_map",
    "occlusion_maps",
    "sampled_error_map",
]

export_lazily(__name__)

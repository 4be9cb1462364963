"""The occlusion-map engine: plain torch, for any network that maps images to logits."""

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

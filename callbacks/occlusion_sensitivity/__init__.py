"""The occlusion-map engine: plain torch, for any network that maps images to logits."""

from callbacks.occlusion_sensitivity.maps import OcclusionMaps, occlusion_error_map, occlusion_maps

__all__ = ["OcclusionMaps", "occlusion_error_map", "occlusion_maps"]

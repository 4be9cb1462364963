"""The occlusion-map engine: plain torch, for any network that maps images to logits or embeddings."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from callbacks.occlusion_sensitivity.deletion_insertion import perturbation_curve
    from callbacks.occlusion_sensitivity.gallery_maps import GalleryMaps, gallery_maps
    from callbacks.occlusion_sensitivity.maps import NotFiniteError, OcclusionMaps, occlusion_error_map, occlusion_maps
    from callbacks.occlusion_sensitivity.sampled import SampledMap, sampled_error_map
    from callbacks.occlusion_sensitivity.verification_error import VerificationError, verification_error_map
    from callbacks.occlusion_sensitivity.verification_maps import VerificationMaps, rejection_map, verification_maps

__all__ = [
    "GalleryMaps",
    "NotFiniteError",
    "OcclusionMaps",
    "SampledMap",
    "VerificationError",
    "VerificationMaps",
    "gallery_maps",
    "occlusion_error_map",
    "occlusion_maps",
    "perturbation_curve",
    "rejection_map",
    "sampled_error_map",
    "verification_error_map",
    "verification_maps",
]

export_lazily(__name__)

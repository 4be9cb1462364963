"""The systems by what they have in common."""

SOIDN_SYSTEMS = ("soidn", "baseline", "trunk", "segmentation")
"""Those that the SOIDN paper compares."""
OCCLUSION_SYSTEMS = (*SOIDN_SYSTEMS, "soidn_shared")
"""Those, and what is trained beside them under the same occluders."""
FINE_TUNED = ("triplet", "batch_triplet")
"""Models B and C of the occlusion-map paper, which start from its model A."""
OCCLUDED = ("model_a_strategic", "model_a_normal")
"""Its A_h×w and A_h×wR: model A, fine-tuned under noise patches."""
FROM_MODEL_A = (*FINE_TUNED, *OCCLUDED)

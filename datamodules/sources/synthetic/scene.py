"""What changes from one photo of an identity to the next: pose, expression, hair, light, camera and background."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from datamodules.sources.synthetic.sampling import Columns, ParameterTable

BACKDROP = 4  # the background is a grid of so many colours a side
STRANDS = 28

_STREAM = crc32(b"synthetic image")

_NORMALS = {
    # pose in radians; place and size relative to the aligned one
    "yaw": (0.0, 0.20),
    "pitch": (0.0, 0.12),
    "roll": (0.0, 0.055),
    "shift_x": (0.0, 0.014),
    "shift_y": (0.0, 0.014),
    "zoom": (1.0, 0.035),
    # expression
    "brow_raise": (0.0, 0.035),
    "brow_frown": (-0.02, 0.05),
    "gaze_x": (0.0, 0.035),
    "gaze_y": (0.0, 0.016),
    # light and camera
    "light_x": (0.0, 0.6),
    "light_y": (-0.25, 0.4),
    "warmth": (0.0, 0.10),
    "tint": (0.0, 0.07),
    "light_warmth": (0.0, 0.10),
    "gain": (-0.03, 0.24),
    "contrast": (1.0, 0.16),
    "gamma": (0.0, 0.14),
    "hair_volume_change": (0.0, 0.05),
    "hair_sweep_change": (0.0, 0.08),
}

_UNIFORMS = {
    "smile": (-0.55, 1.0),
    "mouth_opening": (-0.22, 0.20),
    "eye_openness": (0.70, 1.12),
    "ambient": (0.40, 0.82),
    "gloss": (0.0, 0.20),
    "arrangement": (0.0, 1.0),
    "other_length": (0.0, 1.0),
    "other_fringe": (0.0, 1.0),
    "beard_length": (0.6, 1.3),
    "collar": (0.0, 1.0),
    "blur": (-0.9, 0.9),
    "noise": (0.0, 1.0),
    "backdrop_contrast": (0.1, 0.9),
    "backdrop_saturation": (0.1, 0.75),
}

_BLOCKS = {
    "clothes": 6,
    "backdrop": 3 * BACKDROP * BACKDROP,
    "backdrop_base": 3,
    "strands": 4 * STRANDS,
    "jags": 41,
    "noise_place": 3,
}

_TABLE = ParameterTable(_NORMALS, _UNIFORMS, _BLOCKS)


def draw_scenes(seed: int, identities: Sequence[int], draws: Sequence[int]) -> Columns:
    """Return what photo ``draws[i]`` of ``identities[i]`` adds to the identity; each pair stands on its own."""
    scene = _TABLE.draw([(_STREAM, seed, *pair) for pair in zip(identities, draws, strict=True)])
    scene["mouth_opening"] = np.maximum(scene["mouth_opening"], 0.0)
    scene["blur"] = np.maximum(scene["blur"], 0.0)
    return scene

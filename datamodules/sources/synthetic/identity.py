"""What makes an identity: the parameters of facial parts and how they spread over identities.

Lengths are in units of 70 mm, about half the width of a face; the origin lies between the eyes, x points
to the right as seen, y down and z towards the viewer.
"""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from datamodules.sources.synthetic.sampling import Columns, ParameterTable

FRECKLES = 30
MOLES = 4
STROKES = 14
BRISTLES = 40
COMPLEXION = 7  # the low-frequency albedo is a grid of so many cells a side

_STREAM = crc32(b"synthetic identity")

_NORMALS = {
    # outline, skull and ears
    "cheek_width": (0.97, 0.045),
    "temple_width": (0.92, 0.05),
    "forehead_width": (0.80, 0.05),
    "jaw_width": (0.82, 0.075),
    "jaw_height": (0.95, 0.09),
    "chin_width": (0.38, 0.08),
    "chin_height": (1.55, 0.09),
    "skull_height": (1.46, 0.06),
    "ear_size": (0.40, 0.05),
    "ear_height": (0.26, 0.06),
    "ear_spread": (0.13, 0.055),
    "ear_lobe": (0.0, 0.05),
    # eyes and brows
    "eye_distance": (0.455, 0.036),
    "eye_width": (0.225, 0.026),
    "eye_opening": (0.112, 0.022),
    "eye_tilt": (0.06, 0.13),
    "eye_skew": (0.0, 0.22),
    "eye_asymmetry": (0.0, 0.02),
    "iris_size": (0.102, 0.007),
    "lid_crease": (0.065, 0.022),
    "brow_height": (0.30, 0.055),
    "brow_length": (0.29, 0.035),
    "brow_thickness": (0.058, 0.021),
    "brow_arch": (0.07, 0.05),
    "brow_tilt": (-0.04, 0.12),
    "brow_gap": (0.03, 0.03),
    # nose, mouth and what lies between
    "nose_length": (0.58, 0.065),
    "nose_width": (0.235, 0.042),
    "nose_bridge": (0.115, 0.025),
    "nose_height": (0.40, 0.07),
    "nose_tip": (0.0, 0.045),
    "nose_bend": (0.0, 0.025),
    "mouth_height": (0.97, 0.05),
    "mouth_width": (0.35, 0.045),
    "upper_lip": (0.085, 0.026),
    "lower_lip": (0.115, 0.028),
    "cupid_bow": (0.30, 0.17),
    "mouth_curve": (0.0, 0.03),
    "mouth_tilt": (0.0, 0.03),
    "cheekbone": (0.08, 0.035),
    "socket_depth": (0.10, 0.035),
    "brow_ridge": (0.07, 0.035),
    "chin_relief": (0.12, 0.05),
    # hair
    "hairline": (0.90, 0.09),
    "hairline_recess": (0.06, 0.10),
    "widows_peak": (0.02, 0.05),
    "hair_volume": (0.16, 0.06),
}

_UNIFORMS = {
    "skin_tone": (0.0, 1.0),
    "undertone": (-1.0, 1.0),
    "lip_redness": (0.1, 0.75),
    "blush": (0.0, 0.35),
    "iris_colour": (0.0, 1.0),
    "hair_colour": (0.0, 1.0),
    "hair_length": (0.0, 1.0),
    "hair_fringe": (0.0, 1.0),
    "hair_sweep": (-0.22, 0.22),
    "hair_curl": (0.0, 1.0),
    "hair_part": (-0.45, 0.45),
    "brow_darkness": (0.35, 0.95),
    "lash_darkness": (0.3, 0.95),
    "eye_shadow": (0.0, 0.4),
    "fold_depth": (0.0, 1.0),
    "bag_depth": (0.0, 1.0),
    "wrinkle_depth": (-1.0, 1.0),
    "dimple": (-1.0, 1.0),
    "beard": (0.0, 1.0),
    "moustache": (0.0, 1.0),
    "stubble": (-0.6, 0.5),
    "freckle_density": (-3.0, 1.0),
    "mole_count": (-1.8, 2.4),
}

_BLOCKS = {
    "freckles": 3 * FRECKLES,
    "moles": 3 * MOLES,
    "strokes": 2 * STROKES,
    "bristles": 3 * BRISTLES,
    "complexion": COMPLEXION * COMPLEXION,
}

_TABLE = ParameterTable(_NORMALS, _UNIFORMS, _BLOCKS)


def draw_traits(seed: int, identities: Sequence[int]) -> Columns:
    """Return the traits of identities; each depends on the seed and its own number alone.

    Example:
        >>> traits = draw_traits(0, [3, 7])
        >>> bool((traits["chin_width"][1] == draw_traits(0, [7])["chin_width"][0]).all())
        True
    """
    traits = _TABLE.draw([(_STREAM, seed, identity) for identity in identities])
    traits["hair_length"] = np.round(traits["hair_length"] * 4) / 4  # five lengths: cropped to long
    return traits

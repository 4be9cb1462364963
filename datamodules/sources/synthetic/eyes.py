"""Eyes and brows."""

import numpy as np

from datamodules.sources.synthetic.curves import FacePart, between, circle, lift, ribbon
from datamodules.sources.synthetic.identity import STROKES
from datamodules.sources.synthetic.palette import EYE, SKIN, hair_colour, iris_colour, material, mix, skin_colour
from datamodules.sources.synthetic.sampling import Columns, Floats

_SIDES = np.array([-1.0, 1.0])[:, None]  # left and right as seen, beside ``(B, 2, P)``
_ALONG = np.linspace(-1.0, 1.0, 13)  # from the inner to the outer corner


class Eyes:
    """The lids of both eyes as functions of the place ``s`` between inner (-1) and outer corner (1).

    Args:
        traits: The identities.
        scene: The photos.
    """

    def __init__(self, traits: Columns, scene: Columns) -> None:
        self.width = traits["eye_width"][:, None]
        self.centre_x = _SIDES * traits["eye_distance"][:, None]  # (B, 2, 1)
        self.centre_y = _SIDES * traits["eye_asymmetry"][:, None]
        self._tilt = traits["eye_tilt"][:, None]
        self._skew = traits["eye_skew"][:, None]
        smile = np.maximum(scene["smile"], 0.0)[:, None]
        self.opening = (traits["eye_opening"] * scene["eye_openness"])[:, None] * (1.0 - 0.18 * smile)
        self._lower = 0.62 * traits["eye_opening"][:, None] * (1.0 - 0.25 * smile)

    def x(self, s: Floats) -> Floats:
        """Where ``s`` lies, ``(B, 2, P)``."""
        return self.centre_x + _SIDES * self.width * s

    def upper(self, s: Floats) -> Floats:
        """Height of the upper lid's edge."""
        bow = np.maximum(1.0 - s * s, 0.0)
        return self._axis(s) - self.opening * bow * (1.0 - self._skew * s)

    def lower(self, s: Floats) -> Floats:
        """Height of the lower lid's edge."""
        bow = np.maximum(1.0 - s * s, 0.0)
        return self._axis(s) + self._lower * bow * (1.0 + 0.5 * self._skew * s)

    def _axis(self, s: Floats) -> Floats:
        return self.centre_y - self._tilt * self.width * s


def eye_parts(traits: Columns, scene: Columns) -> list[FacePart]:
    """Lids, whites, irises, pupils, highlights and lashes, back to front."""
    eyes = Eyes(traits, scene)
    skin = skin_colour(traits)
    white = mix(np.broadcast_to(np.array([232.0, 226.0, 220.0]), skin.shape), skin, 0.12)
    x, upper, lower = eyes.x(_ALONG), eyes.upper(_ALONG), eyes.lower(_ALONG)
    shade = upper + 0.33 * (lower - upper)
    return [
        *_lids(traits, eyes, skin),
        FacePart(_area(x, upper, lower), material(white, EYE)),
        FacePart(_area(x, upper, shade), material(white * 0.72, EYE)),
        *_irises(traits, scene, eyes),
        *_lashes(traits, eyes, skin),
    ]


def _area(x: Floats, upper: Floats, lower: Floats, offset: float = 0.03) -> Floats:
    return lift(*between(x, upper, lower), offset)


def _lids(traits: Columns, eyes: Eyes, skin: Floats) -> list[FacePart]:
    s = 1.06 * _ALONG
    bow = np.sqrt(np.maximum(1.0 - _ALONG * _ALONG, 0.0))
    crease = eyes.upper(_ALONG) - traits["lid_crease"][:, None] * (0.25 + 0.75 * bow)
    edge = 0.011 + 0.012 * bow
    lid = mix(skin * 0.93, skin * 0.62, traits["eye_shadow"])
    return [
        FacePart(_area(eyes.x(s), crease - edge, crease + edge), material(skin * 0.66, SKIN)),
        FacePart(_area(eyes.x(s), crease + edge, eyes.upper(_ALONG)), material(lid, SKIN)),
    ]


def _irises(traits: Columns, scene: Columns, eyes: Eyes) -> list[FacePart]:
    colour = iris_colour(traits)
    radius = traits["iris_size"][:, None]
    x = eyes.centre_x + scene["gaze_x"][:, None]
    y = eyes.centre_y - 0.12 * eyes.opening + scene["gaze_y"][:, None]
    glint = np.where(scene["light_x"] >= 0.0, 1.0, -1.0)[:, None]
    bright = np.broadcast_to(np.array([250.0, 250.0, 250.0]), colour.shape)
    return [
        FacePart(_disc(eyes, x, y, radius), material(colour * 0.45, EYE)),
        FacePart(_disc(eyes, x, y, 0.8 * radius), material(colour * 1.1, EYE)),
        FacePart(_disc(eyes, x, y, 0.45 * radius), material(0 * colour + 12.0, EYE)),
        FacePart(_disc(eyes, x + 0.36 * glint * radius, y - 0.36 * radius, 0.24 * radius, 8), material(bright, 0.0)),
    ]


def _disc(eyes: Eyes, x: Floats, y: Floats, radius: Floats, points: int = 20) -> Floats:
    """A disc that the lids cut off."""
    cos, sin = circle(points)
    disc_x, disc_y = x + radius * cos, y + radius * sin
    s = (disc_x - eyes.centre_x) * _SIDES / eyes.width
    disc_y = np.minimum(np.maximum(disc_y, eyes.upper(s)), eyes.lower(s))
    return lift(disc_x, disc_y, 0.03)


def _lashes(traits: Columns, eyes: Eyes, skin: Floats) -> list[FacePart]:
    s = np.linspace(-1.0, 1.12, 13)
    bow = np.maximum(1.0 - _ALONG * _ALONG, 0.0)
    upper = eyes.upper(s)
    line = 0.012 + 0.03 * bow + 0.012 * (_ALONG + 1.0)
    lower = eyes.lower(_ALONG)
    dark = mix(skin * 0.5, np.broadcast_to(np.array([22.0, 16.0, 14.0]), skin.shape), traits["lash_darkness"])
    return [
        FacePart(_area(eyes.x(_ALONG), lower - 0.006, lower + 0.008 + 0.012 * bow), material(skin * 0.6, SKIN)),
        FacePart(_area(eyes.x(s), upper - line, upper + 0.008), material(dark, EYE)),
    ]


def brow_parts(traits: Columns, scene: Columns) -> list[FacePart]:
    """Brows: a soft body and single hairs on it."""
    skin = skin_colour(traits)
    hair = hair_colour(traits) * 0.8
    body = mix(skin * 0.9, hair, traits["brow_darkness"])
    s = np.linspace(-1.0, 1.0, 11)
    taper = np.array([0.62, 0.85, 0.98, 1.0, 1.0, 0.96, 0.88, 0.75, 0.58, 0.38, 0.12])
    x, y = _brow_line(traits, scene, s)
    width = 0.5 * traits["brow_thickness"][:, None] * taper
    return [
        FacePart(lift(*ribbon(x, y, width), 0.04), material(body, SKIN)),
        FacePart(_brow_hairs(traits, scene), material(mix(body, hair * 0.7, 0.7), SKIN)),
    ]


def _brow_line(traits: Columns, scene: Columns, s: Floats) -> tuple[Floats, Floats]:
    """Centre line of the brows at ``s`` between inner (-1) and outer end (1), each ``(B, 2, P)``."""
    length, gap = traits["brow_length"][:, None], traits["brow_gap"][:, None]
    x = _SIDES * (traits["eye_distance"][:, None] + gap + length * s)
    arch = traits["brow_arch"][:, None] * (1.0 - (s - 0.25) ** 2)
    tilt = (traits["brow_tilt"] + scene["brow_frown"] * 1.2)[:, None] * length * -s
    raised = scene["brow_raise"][:, None]
    lowered = np.maximum(scene["brow_frown"], 0.0)[:, None] * 0.3
    asymmetry = 1.5 * _SIDES * traits["eye_asymmetry"][:, None]
    return x, asymmetry - traits["brow_height"][:, None] - arch + tilt - raised + lowered + 0.04


def _brow_hairs(traits: Columns, scene: Columns) -> Floats:
    place = np.linspace(-0.95, 0.85, STROKES)
    x, y = _brow_line(traits, scene, place)  # (B, 2, STROKES)
    jitter = traits["strokes"].reshape(-1, 2, STROKES) - 0.5
    thickness = traits["brow_thickness"][:, None]
    up = thickness * (0.62 + 0.3 * jitter) * (1.0 - 0.35 * (place + 1.0) / 2)
    lean = _SIDES * (0.03 + 0.06 * (place + 1.0) / 2)
    hair_x = np.stack([x - lean, x - lean + 0.016 * _SIDES, x + lean], axis=-1)  # (B, 2, STROKES, 3)
    hair_y = np.stack([y + 0.75 * up, y + 0.75 * up, y - 0.85 * up * (1 - 0.5 * (place + 1) / 2)], axis=-1)
    hairs = lift(hair_x, hair_y, 0.045)
    return hairs.reshape(len(hairs), 2 * STROKES, 3, 3)

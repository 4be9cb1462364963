"""How a template is blended in, so that its edge, colour and missing shadow do not give it away."""

from dataclasses import dataclass, fields
from typing import NamedTuple

import cv2
import numpy as np

from datamodules.occluders.sprite import Floats
from datamodules.seams.face_source import UInt8Image

Range = tuple[float, float]
_LIMITS = {"colour_transfer": 1.0, "feather": 20.0, "shadow": 1.0}
_SHADOW_BLUR, _SHADOW_DOWN = 5.0, 4.0
_AROUND = 12.0
_RATIOS = (0.5, 2.0)
_FAINT = 1e-3
_NEAR = 0.01


class Blend(NamedTuple):
    """What one occluder is blended in by."""

    colour_transfer: float
    feather: float
    shadow: float

    def margin(self, unit: float) -> int:
        """Return how many pixels around an occluder are looked at or change.

        Args:
            unit: Pixels per face unit.
        """
        reach = 3 * self.feather
        if self.shadow:
            reach = max(reach, 3 * _SHADOW_BLUR + _SHADOW_DOWN + self.feather)
        if self.colour_transfer:
            reach = max(reach, 2 * _AROUND)
        return int(np.ceil(reach * unit))


@dataclass(frozen=True)
class Blending:
    """Ranges that the blending of each occluder is drawn from, uniformly; a face unit is an 80th of the eyes' distance.

    .. code-block:: yaml

        blending: {colour_transfer: [0.0, 0.4], feather: [0.3, 1.5], shadow: [0.1, 0.4]}

    Attributes:
        colour_transfer: How far the occluder's colours are carried to mean and spread of the face's under and around
            it, in CIE L*a*b*, from 0 to 1; 1 leaves a mask its pattern and gives it the skin's colour.
        feather: Standard deviation in face units by which alpha is blurred. The label map is 1 where the blurred shape
            covers at least half a pixel: an edge stays where it is, and what is thinner than the blur, such as an ear
            loop, fades and is no longer labelled.
        shadow: How much the face is darkened beneath and around the occluder, from 0 to 1: its shape, 4 face units
            further down and blurred by 5. A shadow is no occluder and is never labelled.

    Raises:
        ValueError: If a range is none, or out of bounds.

    Source: Reinhard et al. 2001, "Color transfer between images", Eq. 10 and 11.
    """

    colour_transfer: Range = (0.0, 0.0)
    feather: Range = (0.0, 0.0)
    shadow: Range = (0.0, 0.0)

    def __post_init__(self) -> None:
        for field in fields(self):
            value, limit = getattr(self, field.name), _LIMITS[field.name]
            low, high = value
            if not 0 <= low <= high <= limit:
                raise ValueError(f"Expected `{field.name}` as a range in [0, {limit:g}], got {list(value)}")

    def draw(self, generator: np.random.Generator) -> Blend:
        """Return what one occluder is blended in by; always three numbers are drawn."""
        return Blend(*(float(generator.uniform(*getattr(self, field.name))) for field in fields(self)))


def blend_in(
    window: UInt8Image, rgba: UInt8Image, shape: UInt8Image, gain: tuple[float, float, float], blend: Blend, unit: float
) -> UInt8Image:
    """Draw an occluder onto a part of an image, in place, and return its shape as it is then.

    Args:
        window: ``(h, w, 3)`` uint8 RGB: the occluder and :meth:`Blend.margin` around it, as far as the image goes.
        rgba: ``(h, w, 4)``, colour premultiplied by alpha.
        shape: ``(h, w)``: 255 where the occluder is, however transparent.
        gain: Factors on red, green and blue.
        blend: How.
        unit: Pixels per face unit.

    Returns:
        ``(h, w)`` uint8; what reaches 128 is to be labelled.
    """
    face = window.astype(np.float32)
    alpha = rgba[..., 3].astype(np.float32) / 255
    premultiplied: Floats = rgba[..., :3].astype(np.float32) * np.array(gain, np.float32)
    soft = _blurred(alpha, blend.feather * unit)
    colour: Floats = _straight(premultiplied, alpha, _blurred(premultiplied, blend.feather * unit), soft)
    present: Floats = _blurred(shape.astype(np.float32) / 255, blend.feather * unit)
    if blend.colour_transfer and soft.any():
        near = _blurred(present, _AROUND * unit)
        colour += blend.colour_transfer * (_transferred(colour, soft, face, near) - colour)
    if blend.shadow:
        down = round(_SHADOW_DOWN * unit)
        cast = _blurred(np.pad(present, ((down, 0), (0, 0)))[: len(present)], _SHADOW_BLUR * unit)
        face *= (1 - blend.shadow * cast)[..., None]
    mixed = face + soft[..., None] * (colour - face)
    window[...] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return np.asarray(np.rint(255 * present), np.uint8)


def _straight(premultiplied: Floats, alpha: Floats, blurred: Floats, soft: Floats) -> Floats:
    """Return colour without alpha; at the edge and beyond, where eight bits hold little of it, that of what is near."""
    return (alpha[..., None] * premultiplied + _NEAR * blurred) / (alpha**2 + _NEAR * soft + 1e-9)[..., None]


def _transferred(colour: Floats, alpha: Floats, face: Floats, near: Floats) -> Floats:
    """Return colours with mean and spread of the face's, each weighted by its sheet."""
    own, target = (_lab(np.clip(pixels, 0, 255)) for pixels in (colour, face))
    (mean, spread), (face_mean, face_spread) = _moments(own, alpha), _moments(target, near)
    ratio = np.clip(face_spread / np.maximum(spread, _FAINT), *_RATIOS)
    moved = ((own - mean) * ratio + face_mean).astype(np.float32)
    return np.asarray(cv2.cvtColor(moved, cv2.COLOR_Lab2RGB) * 255, np.float32)


def _moments(pixels: Floats, weight: Floats) -> tuple[Floats, Floats]:
    weight = weight[..., None] / max(float(weight.sum()), _FAINT)
    mean = np.asarray((weight * pixels).sum((0, 1)))
    return mean, np.sqrt((weight * (pixels - mean) ** 2).sum((0, 1)))


def _lab(pixels: Floats) -> Floats:
    return np.asarray(cv2.cvtColor((pixels / 255).astype(np.float32), cv2.COLOR_RGB2Lab))


def _blurred(sheet: Floats, sigma: float) -> Floats:
    """Blur a sheet; what is cut by the image's border goes on beyond it."""
    if sigma < 0.1:  # no more than rounding
        return sheet
    return np.asarray(cv2.GaussianBlur(sheet, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))

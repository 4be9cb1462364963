"""From albedo and light to a photo: tint of the skin, colour cast, contrast, blur and noise."""

from functools import cache

import cv2
import numpy as np

from datamodules.sources.synthetic.drawing import UInt8
from datamodules.sources.synthetic.identity import COMPLEXION
from datamodules.sources.synthetic.relief import Light, hill
from datamodules.sources.synthetic.sampling import Columns, Floats, Pixels

_NOISE = 256  # side of the tile that holds the camera's noise


def develop(albedo: UInt8, light: Light, traits: Columns, scene: Columns) -> UInt8:
    """Turn ``(B, S, S, 4)`` albedo and material into ``(B, S, S, 3)`` photos."""
    planes = albedo.transpose(0, 3, 1, 2).astype(np.float32, order="C")  # (B, 4, S, S): long inner loops
    colour, share = planes[:, :3], planes[:, 3:]
    share *= np.float32(1 / 255)
    lit = _illumination(light, scene)
    lit *= _complexion(light, traits)
    lit -= np.float32(1.0)
    lit *= share
    lit += np.float32(1.0)
    colour *= lit
    colour += light.gloss[:, None] * (np.float32(255) * np.maximum(share - np.float32(0.6), np.float32(0.0)))
    return _finish(_camera(colour, scene), scene)


def _column(column: Floats) -> Pixels:
    """``(B, n)`` to ``(B, n, 1, 1)``, to broadcast against planes."""
    return column.astype(np.float32)[:, :, None, None]


def _illumination(light: Light, scene: Columns) -> Pixels:
    """Light on the materials, ``(B, 3, S, S)``: what faces the lamp takes its warmth, the rest its opposite."""
    warm = np.concatenate([scene["light_warmth"], 0 * scene["light_warmth"], -scene["light_warmth"]], axis=1)
    lit = (light.diffuse - np.float32(0.9))[:, None] * _column(warm)
    lit += np.float32(1.0)
    lit *= light.diffuse[:, None]
    return np.asarray(lit, np.float32)


def _complexion(light: Light, traits: Columns) -> Pixels:
    """An identity's own patches, blush and stubble as factors on the skin's colour, ``(B, 3, S, S)``."""
    blush = hill(np.abs(light.x), light.y, 0.60, 0.45, 0.36, 0.32)[:, None]
    stubble = np.clip((light.y - np.float32(0.72)) * np.float32(3.0), 0.0, 1.0)[:, None]
    factors = blush * _column(traits["blush"] * np.array([0.04, -0.22, -0.20]))
    factors += _patches(light, traits)[:, None]
    factors -= stubble * _column(0.5 * np.maximum(traits["stubble"], 0.0))
    return factors


def _patches(light: Light, traits: Columns) -> Pixels:
    grids = (0.91 + 0.18 * traits["complexion"]).astype(np.float32).reshape(-1, COMPLEXION, COMPLEXION)
    across = (light.x + np.float32(1.0)) * np.float32((COMPLEXION - 1) / 2)
    down = (light.y + np.float32(1.0)) * np.float32((COMPLEXION - 1) / 2.7)
    patches = np.empty_like(light.x)
    for row, grid in enumerate(grids):
        cv2.remap(grid, across[row], down[row], cv2.INTER_LINEAR, dst=patches[row], borderMode=cv2.BORDER_REPLICATE)
    return patches


def _camera(colour: Pixels, scene: Columns) -> Pixels:
    """Gain, white balance, contrast and tone curve: more spread than people's colours have; in place."""
    balance = np.concatenate([scene["warmth"], scene["tint"], -scene["warmth"]], axis=1)
    colour *= _column(np.exp(scene["gain"] + balance) * scene["contrast"] / 255)
    colour += _column(115 / 255 * (1.0 - scene["contrast"]))
    np.maximum(colour, np.float32(0.0), out=colour)
    over = np.maximum(colour - np.float32(0.68), np.float32(0.0))
    colour -= over
    colour += over / (1.0 + np.float32(1.7) * over)  # film-like shoulder: little burns out
    # x + g x (1 - x) bends the tones as a gamma does, without a power per pixel.
    colour *= 1.0 + _column(scene["gamma"]) * (1.0 - colour)
    colour *= np.float32(255)
    return colour


def _finish(colour: Pixels, scene: Columns) -> UInt8:
    """Blur, noise and rounding: ``(B, 3, S, S)`` from 0 to 255 to ``(B, S, S, 3)``."""
    size = colour.shape[-1]
    strength = (scene["noise"][:, 0] ** 2 * 9.0).astype(np.float32)
    blur = (scene["blur"][:, 0] * size / 64).tolist()
    photos = np.empty((len(colour), size, size, 3), np.uint8)
    for row, place in enumerate(scene["noise_place"].tolist()):
        image = _noise(size, *place) * strength[row]
        if blur[row] > 0.25:
            for plane in colour[row]:
                cv2.GaussianBlur(plane, (0, 0), blur[row], dst=plane)
        image += colour[row]
        image += np.float32(0.5)
        photos[row] = np.clip(image, 0, 255, out=image).transpose(1, 2, 0)
    return photos


def _noise(size: int, down: float, across: float, turn: float) -> Pixels:
    """A square of noise from the tile, ``(3, S, S)``, upside down half of the time."""
    tile = _noise_tile(size)
    y, x = int(down * _NOISE), int(across * _NOISE)
    return tile[:, y : y + size, x : x + size][:, :: -1 if turn < 0.5 else 1]


@cache
def _noise_tile(size: int) -> Pixels:
    side = size + _NOISE
    return np.random.default_rng(0).standard_normal((3, side, side), dtype=np.float32)

"""Identities and photos to pixels: the whole renderer as one pure function."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.sources.synthetic.beard import beard_parts
from datamodules.sources.synthetic.curves import FacePart, lift
from datamodules.sources.synthetic.drawing import draw_parts
from datamodules.sources.synthetic.eyes import Eyes, brow_parts, eye_parts
from datamodules.sources.synthetic.hair import back_hair_parts, front_hair_parts
from datamodules.sources.synthetic.head_and_neck import chin_point, head_parts
from datamodules.sources.synthetic.identity import draw_traits
from datamodules.sources.synthetic.mouth import lip_middles, mouth_corners, mouth_parts
from datamodules.sources.synthetic.nose import nose_parts, nose_tip
from datamodules.sources.synthetic.photo import develop
from datamodules.sources.synthetic.pose import place_heads, project
from datamodules.sources.synthetic.relief import Light
from datamodules.sources.synthetic.sampling import Columns, Floats
from datamodules.sources.synthetic.scene import draw_scenes
from datamodules.sources.synthetic.skin import skin_parts

RENDERER_VERSION = 2
"""Raise it with every change that moves a pixel: caches are named after it."""

LANDMARKS = 12
"""Points that every face comes with."""

CHUNK = 16  # faces rendered at once: enough to spread numpy's overhead, few enough for the processor's cache


class RenderedFaces(NamedTuple):
    """Rendered faces."""

    images: NDArray[np.uint8]
    """``(B, S, S, 3)`` RGB."""
    landmarks: NDArray[np.float32]
    """``(B, 12, 2)``, x and y in pixels; the first five are those of every face source."""


def render(identities: Sequence[int], draws: Sequence[int], *, size: int, seed: int) -> RenderedFaces:
    """Render photo ``draws[i]`` of identity ``identities[i]``, all at once.

    A face depends on its own pair, the seed and the size alone, to the last bit: not on the others.

    Args:
        identities: Numbers of the identities, ``(B,)``.
        draws: Numbers of their photos, ``(B,)``.
        size: Side of the images in pixels.
        seed: Chooses the identities and their photos.

    Example:
        >>> faces = render([0, 0, 5], [0, 1, 0], size=48, seed=0)
        >>> faces.images.shape, faces.landmarks.shape
        ((3, 48, 48, 3), (3, 12, 2))
    """
    traits, scene = draw_traits(seed, identities), draw_scenes(seed, identities, draws)
    return render_scenes(traits, scene, size=size)


def render_scenes(traits: Columns, scene: Columns, *, size: int) -> RenderedFaces:
    """Render identities in photos that are given parameter by parameter."""
    points = _landmarks(traits, scene)
    pose = place_heads(scene, points[:, :5], size)
    albedo = draw_parts(_parts(traits, scene), pose, scene, size)
    images = develop(albedo, Light(traits, scene, pose, size), traits, scene)
    return RenderedFaces(images, np.stack(project(pose, points), axis=-1).astype(np.float32))


def _parts(traits: Columns, scene: Columns) -> list[FacePart]:
    """Everything that is drawn, back to front."""
    return [
        *back_hair_parts(traits, scene),
        *head_parts(traits, scene),
        *skin_parts(traits, scene),
        *beard_parts(traits, scene),
        *nose_parts(traits),
        *mouth_parts(traits, scene),
        *eye_parts(traits, scene),
        *brow_parts(traits, scene),
        *front_hair_parts(traits, scene),
    ]


def _landmarks(traits: Columns, scene: Columns) -> Floats:
    """Eyes, nose tip, mouth corners; eye corners outer to inner to outer, lips, chin: ``(B, 12, 3)``."""
    eyes = Eyes(traits, scene)
    centre_x, centre_y = eyes.centre_x[..., 0], np.broadcast_to(eyes.centre_y, eyes.centre_x.shape)[..., 0]
    s = np.array([-1.0, 1.0])
    corner_x, corner_y = eyes.x(s), eyes.upper(s)  # (B, 2, 2), inner and outer
    corners = lift(corner_x, corner_y, 0.03)
    return np.concatenate(
        [
            lift(centre_x, centre_y, 0.03),
            nose_tip(traits),
            mouth_corners(traits, scene),
            corners[:, 0, ::-1],
            corners[:, 1],
            lip_middles(traits, scene),
            chin_point(traits, scene),
        ],
        axis=1,
    )

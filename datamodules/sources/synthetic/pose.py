"""Weak perspective: from face units to pixels and back."""

from typing import NamedTuple

import numpy as np

from datamodules.sources.synthetic.curves import surface
from datamodules.sources.synthetic.sampling import Columns, Floats, Pixels

UNIT = 0.283  # one face unit as a share of the image's side, before the zoom
CENTRE = (0.5, 0.59)  # where the mean of the five landmarks comes to lie, before the jitter


class Pose(NamedTuple):
    """Rotation, scale and place of a batch of heads; every field is ``(B, 1)``."""

    yaw: tuple[Floats, Floats]
    pitch: tuple[Floats, Floats]
    roll: tuple[Floats, Floats]
    scale: Floats
    x: Floats
    y: Floats


def place_heads(scene: Columns, landmarks: Floats, size: int) -> Pose:
    """Turn heads and put the mean of their ``(B, 5, 3)`` landmarks near the place an aligned crop has it.

    Args:
        scene: Draws with angles, shift and zoom.
        landmarks: Five landmarks in face units.
        size: Side of the image in pixels.
    """
    yaw, pitch, roll = ((np.cos(a), np.sin(a)) for a in (scene["yaw"], scene["pitch"], scene["roll"]))
    scale = UNIT * size * scene["zoom"]
    origin = Pose(yaw, pitch, roll, scale, np.zeros_like(scale), np.zeros_like(scale))
    x, y = project(origin, landmarks)
    x_mean = (x[:, 0:1] + x[:, 1:2] + x[:, 2:3] + x[:, 3:4] + x[:, 4:5]) / 5
    y_mean = (y[:, 0:1] + y[:, 1:2] + y[:, 2:3] + y[:, 3:4] + y[:, 4:5]) / 5
    return origin._replace(
        x=(CENTRE[0] + scene["shift_x"]) * size - x_mean,
        y=(CENTRE[1] + scene["shift_y"]) * size - y_mean,
    )


def project(pose: Pose, points: Floats) -> tuple[Floats, Floats]:
    """Project ``(B, P, 3)`` points to the image: x and y in pixels, each ``(B, P)``."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    turned = pose.yaw[0] * x + pose.yaw[1] * z
    depth = pose.yaw[0] * z - pose.yaw[1] * x
    nodded = pose.pitch[0] * y - pose.pitch[1] * depth
    return (
        pose.scale * (pose.roll[0] * turned - pose.roll[1] * nodded) + pose.x,
        pose.scale * (pose.roll[1] * turned + pose.roll[0] * nodded) + pose.y,
    )


def unproject(pose: Pose, size: int) -> tuple[Pixels, Pixels]:
    """Find the place on the face behind every pixel: x and y in face units, each ``(B, size, size)``.

    The depth there is that of the featureless head at the place a frontal view would have: close enough
    for smooth shading.
    """
    pixel = np.arange(size, dtype=np.float32)
    place = {name: _image(value) for name, value in pose._asdict().items() if name in ("scale", "x", "y")}
    (cos_yaw, sin_yaw), (cos_pitch, sin_pitch), (cos_roll, sin_roll) = (
        (_image(c), _image(s)) for c, s in (pose.yaw, pose.pitch, pose.roll)
    )
    x = (pixel - place["x"]) / place["scale"]  # (B, 1, size)
    y = (pixel[:, None] - place["y"]) / place["scale"]  # (B, size, 1)
    turned = cos_roll * x + sin_roll * y
    nodded = cos_roll * y - sin_roll * x
    depth = surface(turned, nodded)
    face_x = np.asarray((turned - sin_yaw * depth) / cos_yaw, np.float32)
    face_y: Pixels = (nodded + sin_pitch * (cos_yaw * depth - sin_yaw * face_x)) / cos_pitch
    return face_x, face_y


def _image(column: Floats) -> Pixels:
    return column.astype(np.float32)[:, :, None]

"""The height of the features, and the light it gives."""

import numpy as np

from datamodules.sources.synthetic.curves import surface
from datamodules.sources.synthetic.pose import Pose, unproject
from datamodules.sources.synthetic.sampling import Columns, Floats, Pixels


def hill(x: Pixels, y: Pixels, cx: Pixels | float, cy: Pixels | float, rx: float, ry: float) -> Pixels:
    """A smooth hill of height 1 around ``(cx, cy)``, 0 outside the ellipse of radii ``rx`` and ``ry``."""
    across = (x - cx) * np.float32(1 / rx)
    down = (y - cy) * np.float32(1 / ry)
    rest: Pixels = np.maximum(1.0 - across * across - down * down, np.float32(0.0))
    return rest * rest


def relief(traits: Columns, scene: Columns, x: Pixels, y: Pixels) -> Pixels:
    """Depth of the face at ``(x, y)`` in face units, ``(B, S, S)``: the smooth head and its features."""
    t = {name: _image(column) for name, column in traits.items() if column.shape[1] == 1}
    side = np.abs(x)  # eyes, cheeks and wings come in pairs
    height = surface(x, y)
    height = height + _nose(t, x, y)
    height += hill(side, y, 0.72 * t["nose_width"], t["nose_length"] + 0.02, 0.17, 0.15) * np.float32(0.12)
    height -= hill(side, y, t["eye_distance"] - 0.03, -0.01, 0.40, 0.24) * t["socket_depth"] * np.float32(1.3)
    height += hill(side, y, t["eye_distance"], 0.0, 0.25, 0.16) * np.float32(0.10)
    height += hill(side, y, t["eye_distance"] - 0.05, -t["brow_height"] - 0.02, 0.5, 0.20) * t["brow_ridge"]
    smile = _image(scene["smile"])
    height += hill(side, y, 0.62, 0.42 - 0.06 * smile, 0.42, 0.36) * (t["cheekbone"] * np.float32(1.2) + 0.03 * smile)
    height -= hill(side, y, 0.62, 0.95, 0.30, 0.40) * t["cheekbone"] * np.float32(0.8)
    height += hill(x, y, 0.0, t["mouth_height"], 0.55, 0.36) * np.float32(0.12)
    height -= hill(x, y, 0.0, t["mouth_height"] + 0.26, 0.36, 0.13) * np.float32(0.06)
    return height + hill(x, y, 0.0, t["chin_height"] - 0.20, 0.34, 0.26) * t["chin_relief"]


def _nose(t: dict[str, Pixels], x: Pixels, y: Pixels) -> Pixels:
    along = np.clip(y / t["nose_length"] * np.float32(0.85) + np.float32(0.15), 0.0, 1.0)
    width = t["nose_bridge"] + (0.85 * t["nose_width"] - t["nose_bridge"]) * along * along + np.float32(0.05)
    across = (x - t["nose_bend"] * along) / width
    ridge = np.maximum(1.0 - across * across, np.float32(0.0))
    below = np.clip((y - t["nose_length"]) / np.float32(0.17), 0.0, 1.0)
    height: Pixels = ridge * ridge * along * (1.0 - below * below * (3.0 - 2.0 * below)) * t["nose_height"]
    return height


def _image(column: Floats) -> Pixels:
    return column.astype(np.float32)[:, :, None]


class Light:
    """Diffuse light and highlights on the faces of a batch.

    Args:
        traits: The identities.
        scene: The photos.
        pose: Their poses.
        size: Side of the maps in pixels.

    Attributes:
        diffuse: ``(B, S, S)``, 1 where the skin faces the viewer in even light.
        gloss: ``(B, S, S)``, brightness of the highlights from 0.
        x: Face coordinate of every pixel to the right, ``(B, S, S)``.
        y: Face coordinate of every pixel downwards, ``(B, S, S)``.
    """

    def __init__(self, traits: Columns, scene: Columns, pose: Pose, size: int) -> None:
        self.x, self.y = unproject(pose, size)
        depth = _view_depth(pose, self.x, self.y, relief(traits, scene, self.x, self.y))
        normal_x, normal_y = _gradient(depth * (-_image(pose.scale)))
        inverse = 1.0 / np.sqrt(normal_x * normal_x + normal_y * normal_y + 1.0)
        lx, ly, lz = _direction(scene)
        facing = np.maximum((normal_x * lx + normal_y * ly + lz) * inverse, np.float32(0.0))
        ambient = _image(scene["ambient"])
        self.diffuse = ambient + (1.0 - ambient) * facing / np.maximum(lz, np.float32(0.6))
        half = np.sqrt(np.float32(2.0) + 2.0 * lz)
        shine = np.maximum((normal_x * lx + normal_y * ly + lz + 1.0) * inverse / half, np.float32(0.0))
        shine = shine * shine
        shine = shine * shine
        shine = shine * shine
        shine = shine * shine
        self.gloss = shine * shine * _image(scene["gloss"])


def _direction(scene: Columns) -> tuple[Pixels, Pixels, Pixels]:
    x, y = _image(scene["light_x"]), _image(scene["light_y"])
    length: Pixels = np.sqrt(x * x + y * y + np.float32(1.0))
    return x / length, y / length, 1.0 / length


def _view_depth(pose: Pose, x: Pixels, y: Pixels, z: Pixels) -> Pixels:
    (cos_yaw, sin_yaw), (cos_pitch, sin_pitch) = ((_image(c), _image(s)) for c, s in (pose.yaw, pose.pitch))
    return sin_pitch * y + cos_pitch * (cos_yaw * z - sin_yaw * x)


def _gradient(height: Pixels) -> tuple[Pixels, Pixels]:
    """Central differences along x and y; one-sided at the edges."""
    dx, dy = np.empty_like(height), np.empty_like(height)
    dx[:, :, 1:-1] = (height[:, :, 2:] - height[:, :, :-2]) * np.float32(0.5)
    dy[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * np.float32(0.5)
    dx[:, :, 0], dx[:, :, -1] = dx[:, :, 1], dx[:, :, -2]
    dy[:, 0], dy[:, -1] = dy[:, 1], dy[:, -2]
    return dx, dy

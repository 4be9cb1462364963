"""What is left to draw of an occluder whose label map is there already: layers, which a device draws many at once."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from datamodules.occluders.anchors import Float64
from datamodules.occluders.occluder import Occluded
from datamodules.occluders.sprite import Sprite
from datamodules.seams.face_source import Landmarks, UInt8Image


class Layer(NamedTuple):
    """One instance to lay on an image."""

    sprite: int
    """Its number, see :meth:`PlanningOccluder.sprite`."""
    level: int
    """Which of the sprite's levels is drawn."""
    matrix: Float64
    """``(2, 3)``: pixels of the level to pixels of the image."""
    gain: tuple[float, float, float]
    """Factors on red, green and blue."""


class Planned(NamedTuple):
    """A face as far as it is drawn."""

    occluded: Occluded
    """The image without the layers; its label map and category with them."""
    layers: tuple[Layer, ...] = ()
    """In the order in which they are laid on."""


@runtime_checkable
class PlanningOccluder(Protocol):
    """An occluder that can leave its drawing to a device."""

    @property
    def num_sprites(self) -> int:
        """How many instances it has."""
        ...

    def sprite(self, number: int) -> Sprite:
        """Return an instance by its number, the same in all processes."""
        ...

    def plan(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Planned:
        """Return what a call of the occluder would, to the last bit of the label map, with layers not drawn yet."""
        ...

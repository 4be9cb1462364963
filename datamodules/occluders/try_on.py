"""Trying an occluder on before faces are loaded, so that what does not fit them is refused at once."""

import numpy as np

from datamodules.occluders.curriculum import Curriculum
from datamodules.occluders.mixture import OccluderMixture
from datamodules.occluders.occluder import Occluder
from datamodules.randomness import sample_generator
from datamodules.sources.landmarks import FixedLandmarks


def try_on(occluder: Occluder, image_size: int) -> None:
    """Cover a blank face, with each component of a mixture; an occluder raises what it would raise of any face.

    Args:
        occluder: What covers it.
        image_size: Side of the images in pixels.
    """
    if isinstance(occluder, Curriculum):
        try_on(occluder.occluder, image_size)
        return
    if isinstance(occluder, OccluderMixture):
        for name in occluder.names:
            try_on(occluder.component(name), image_size)
        return
    face = np.zeros((image_size, image_size, 3), np.uint8)
    landmarks = FixedLandmarks("arcface").scaled(image_size, image_size)
    occluder(face, landmarks, sample_generator(0, 0, 0, stream="try-on"))

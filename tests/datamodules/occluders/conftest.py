"""Generated faces for the occluder tests: noise, with landmarks where alignment puts them."""

from collections.abc import Callable

import numpy as np
import pytest

from datamodules.seams.face_source import Landmarks, UInt8Image

Face = tuple[UInt8Image, Landmarks]
ALIGNED = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.6, 92.4), (70.7, 92.2)], np.float32)


@pytest.fixture
def make_face() -> Callable[..., Face]:
    """Noise of ``height`` x ``width`` pixels; landmarks follow the height."""

    def make(height: int = 112, width: int | None = None, seed: int = 0) -> Face:
        shape = (height, width or height, 3)
        image = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
        return image, ((ALIGNED + 0.5) * (height / 112) - 0.5).astype(np.float32)

    return make

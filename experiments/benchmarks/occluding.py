"""Images occluded per second and core: ``python -m experiments.benchmarks.occluding``."""

from statistics import median
from time import process_time

import cv2
import numpy as np

from datamodules.occluders import NoisePatch, NormalPlacement, Occluder, TemplateMixture
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources import FixedLandmarks
from experiments.cli.arguments import Parser, count
from experiments.cli.user_errors import main as run_command
from experiments.runs.layers import default_mixture

SIZES = (64, 112, 224)
PATCHES = ((20, 20), (20, 40), (40, 40))


def images_per_second(occluder: Occluder, size: int, *, images: int = 200, repeats: int = 7) -> float:
    """Return the median over ``repeats`` of the rate on ``images`` images of ``size`` x ``size`` pixels."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    landmarks = FixedLandmarks("arcface").scaled(size, size)
    _seconds(occluder, image, landmarks, images)  # draws the instances, which are then kept
    return images / median(_seconds(occluder, image, landmarks, images) for _ in range(repeats))


def _seconds(occluder: Occluder, image: UInt8Image, landmarks: Landmarks, images: int) -> float:
    generator = np.random.default_rng(0)  # the same draws every time, so that nothing new is drawn while timing
    start = process_time()  # of this core, whatever else the machine does
    for _ in range(images):
        occluder(image, landmarks, generator)
    return process_time() - start


def main() -> None:
    """Print one row an occluder and one column an image size, on a single thread."""
    parser = Parser(description=__doc__)
    parser.add_argument("--images", type=count, default=200, help="images per repeat")
    parser.add_argument("--repeats", type=count, default=7)
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    mixture = TemplateMixture({name: 1.0 for name in default_mixture() if name != CLEAN})
    occluders: dict[str, Occluder] = {name: mixture.component(name) for name in mixture.names}
    occluders["mixture"] = mixture
    occluders |= {f"noise patch {h} x {w}": NoisePatch((h, w), NormalPlacement()) for h, w in PATCHES}
    print("images/s per core".ljust(20), *(f"{size} x {size}".rjust(12) for size in SIZES))
    for name, occluder in occluders.items():
        rates = [
            images_per_second(occluder, size, images=arguments.images, repeats=arguments.repeats) for size in SIZES
        ]
        print(name.ljust(20), *(f"{rate:12,.0f}" for rate in rates))


if __name__ == "__main__":
    run_command(lambda _: main())

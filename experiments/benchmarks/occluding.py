"""Images occluded per second and core: ``python -m experiments.benchmarks.occluding [--images 200] [--repeats 7]``.

One row an occluder and one column an image size, on a single thread; the median over repeats.
"""

from time import process_time

import cv2
import numpy as np

from datamodules.occluders import NoisePatch, NormalPlacement, Occluder, TemplateMixture
from datamodules.seams.conditions import CLEAN
from datamodules.sources import FixedLandmarks
from experiments.benchmarks.benchmark import median_seconds, parse_options
from experiments.cli.user_errors import main as run_command
from experiments.runs.layers import default_mixture

SIZES = (64, 112, 224)
PATCHES = ((20, 20), (20, 40), (40, 40))


def images_per_second(occluder: Occluder, size: int, *, images: int, repeats: int) -> float:
    """Return the median over ``repeats`` of the rate on ``images`` images of ``size`` x ``size`` pixels."""
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    landmarks = FixedLandmarks("arcface").scaled(size, size)

    def occlude() -> None:
        generator = np.random.default_rng(0)  # the same draws every time: what is drawn in the first call is then kept
        for _ in range(images):
            occluder(image, landmarks, generator)

    return images / median_seconds(occlude, repeats, clock=process_time)  # of this core, whatever else the machine does


def main() -> None:
    """Parse the command line, measure and print."""
    options = parse_options(__doc__, images=200, repeats=7)
    cv2.setNumThreads(0)
    mixture = TemplateMixture({name: 1.0 for name in default_mixture() if name != CLEAN})
    occluders: dict[str, Occluder] = {name: mixture.component(name) for name in mixture.names}
    occluders["mixture"] = mixture
    occluders |= {f"noise patch {h} x {w}": NoisePatch((h, w), NormalPlacement()) for h, w in PATCHES}
    print("images/s per core".ljust(20), *(f"{size} x {size}".rjust(12) for size in SIZES))
    for name, occluder in occluders.items():
        rates = [images_per_second(occluder, size, images=options.images, repeats=options.repeats) for size in SIZES]
        print(name.ljust(20), *(f"{rate:12,.0f}" for rate in rates))


if __name__ == "__main__":
    run_command(lambda _: main())

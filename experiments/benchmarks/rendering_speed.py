"""Speed of the synthetic faces' renderer on one core.

    python -m experiments.benchmarks.rendering_speed [--sizes 64 112] [--faces 320] [--repeats 5]

Faces per second, rendered in batches on one thread as the cache does, the median over repeats. Other work on the
machine lowers the wall-clock figure; the figure per second of processor time stands beside it.
"""

import statistics
import time

import cv2

from datamodules.sources.synthetic.renderer import CHUNK, render
from experiments.benchmarks.benchmark import parse_options
from experiments.cli.user_errors import main as run_command


def measure(size: int, faces: int, repeats: int) -> tuple[float, float]:
    """Return the median number of faces per second of wall-clock time and of processor time."""
    runs = [_render_once(size, faces) for _ in range(repeats + 1)][1:]
    wall, processor = zip(*runs, strict=True)
    return faces / statistics.median(wall), faces / statistics.median(processor)


def _render_once(size: int, faces: int) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    for start in range(0, faces, CHUNK):
        identities = range(start, min(start + CHUNK, faces))
        render(identities, [0] * len(identities), size=size, seed=0)
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    """Parse the command line and print one line per size."""
    options = parse_options(__doc__, sizes=[64, 112], faces=320, repeats=5)
    cv2.setNumThreads(1)
    for size in options.sizes:
        wall, processor = measure(size, options.faces, options.repeats)
        print(f"{size:4d} px: {wall:6.0f} faces/s, {processor:6.0f} per second of processor time")


if __name__ == "__main__":
    run_command(lambda _: main())

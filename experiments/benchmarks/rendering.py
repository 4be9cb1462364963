"""Speed of the synthetic faces' renderer on one core.

``python -m experiments.benchmarks.rendering`` prints faces per second, the median over repeats, rendered in
batches on one thread as the cache does. Other work on the machine lowers the wall-clock figure; the figure
per second of processor time stands beside it.
"""

import argparse
import statistics
import time
from collections.abc import Sequence

import cv2

from datamodules.sources.synthetic.renderer import CHUNK, render
from experiments.cli.arguments import Parser
from experiments.cli.user_errors import main as run_command


def measure(size: int, faces: int, repeats: int) -> tuple[float, float]:
    """Return the median number of faces per second of wall-clock time and of processor time.

    Args:
        size: Side of the images in pixels.
        faces: Number of faces per repeat, one each of as many people.
        repeats: Number of timed repeats; one more warms up.
    """
    runs = [_render_once(size, faces) for _ in range(repeats + 1)][1:]
    wall, processor = zip(*runs, strict=True)
    return faces / statistics.median(wall), faces / statistics.median(processor)


def _render_once(size: int, faces: int) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    for start in range(0, faces, CHUNK):
        people = range(start, min(start + CHUNK, faces))
        render(people, [0] * len(people), size=size, seed=0)
    return time.perf_counter() - wall, time.process_time() - processor


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and print one line per size."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 112], help="image sizes in pixels")
    parser.add_argument("--faces", type=int, default=320, help="faces per repeat")
    parser.add_argument("--repeats", type=int, default=5, help="timed repeats, of which the median counts")
    options = parser.parse_args(arguments)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for size in options.sizes:
            wall, processor = measure(size, options.faces, options.repeats)
            print(f"{size:4d} px: {wall:6.0f} faces/s, {processor:6.0f} per second of processor time")
    finally:
        cv2.setNumThreads(threads)


if __name__ == "__main__":
    run_command(lambda _: main())

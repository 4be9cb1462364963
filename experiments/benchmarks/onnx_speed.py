"""Speed of an ONNX file as an extractor against onnxruntime alone, in one run on the same images.

    python -m experiments.benchmarks.onnx_speed --model net.onnx [--images 64] [--batch-size 32] [--threads 2]
        [--repeats 7] [--open-batch]

``onnxruntime`` is a plain loop: a session with its default settings, which shares each layer out to ``--threads``
threads, and batches of floating-point numbers that are there beforehand; a file of a fixed batch gets batches of that
size. The extractor takes the same pixels as bytes, normalises them and fills batches itself, in as many threads. Within
a repeat both take turns, the second first in every other one. What counts is the ratio of each such pair: median over
repeats, with its span, in seconds of the wall's clock and of processors. Processor time is the fairer one where
others compute beside, but threads that wait for one another spend it too. ``--open-batch`` tries a copy of the file
whose fixed batch is made open.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.table import Table
from torch import Tensor

from experiments.benchmarks.benchmark import hardware, parse_options, print_table, with_span
from experiments.cli import UserError
from experiments.cli.user_errors import main as run_command
from lightning_modules.extractors import OnnxExtractor
from lightning_modules.extractors.onnx_network import FATAL, PROCESSOR
from lightning_modules.networks import Normalize
from lightning_modules.networks.foreign import foreign

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "processor": time.process_time}
USUAL_SIZE = 112


class Sides(NamedTuple):
    """What is compared: each embeds all images once."""

    extractor: Callable[[], object]
    onnxruntime: Callable[[], object]


def main() -> None:
    """Parse the command line, measure and print."""
    options = parse_options(__doc__, model="", images=64, batch_size=32, threads=2, repeats=7, **{"open_batch": False})
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = with_open_batch(options.model, Path(folder)) if options.open_batch else options.model
            extractor = OnnxExtractor(path, open_size=USUAL_SIZE, normalize=Normalize([0.0] * 3, [1.0] * 3))
        except ValueError as error:
            raise UserError(str(error)) from error
        batch_size = extractor.batch_size or options.batch_size
        number = max(1, options.images // batch_size) * batch_size
        sides = both_sides(extractor, number, batch_size, options.threads)
        found = compare(sides, options.repeats)
    where = hardware(torch.device("cpu"))
    title = f"{Path(options.model).name}: {number} images in batches of {batch_size}, {where}"
    table = Table("clock", "extractor, ms/image", "onnxruntime, ms/image", "ratio of times", title=title)
    for clock, times in found.items():
        medians = (f"{1000 * statistics.median(side) / number:.1f}" for side in zip(*times, strict=True))
        table.add_row(clock, *medians, with_span([ours / theirs for ours, theirs in times], ".3f"))
    print_table(table)


def with_open_batch(path: str, folder: Path) -> str:
    """Write a copy of an ONNX file that takes any number of images, and return its path.

    Raises:
        ValueError: If it is none.
    """
    import onnx  # noqa: PLC0415  for this format only

    with foreign("an ONNX file", path):
        model = onnx.load(path)
        constants = {tensor.name for tensor in model.graph.initializer}
        values = [value for value in (*model.graph.input, *model.graph.output) if value.name not in constants]
        for dimensions in (value.type.tensor_type.shape.dim for value in values):
            if dimensions:  # outputs may have no shape
                dimensions[0].dim_param = "batch"
        onnx.save(model, folder / Path(path).name)
    return str(folder / Path(path).name)


def both_sides(extractor: OnnxExtractor, number: int, batch_size: int, threads: int) -> Sides:
    """Return what embeds the same random images by the extractor and by a session of its file's own."""
    size, generator = extractor.image_size, torch.Generator().manual_seed(0)
    images = torch.randint(256, (number, 3, size, size), dtype=torch.uint8, generator=generator)
    session = plain_session(extractor.network.path, threads)
    name, kind = extractor.network.input.name, extractor.network.input.dtype
    batches = [layout(extractor, batch).to(kind).numpy() for batch in torch.split(images, batch_size)]

    def loop() -> None:
        for batch in batches:
            session.run(None, {name: batch})

    def embed() -> None:
        for batch in (images,) if extractor.batch_size else torch.split(images, batch_size):
            extractor(batch)

    return Sides(embed, loop)


def layout(extractor: OnnxExtractor, images: Tensor) -> Tensor:
    """Return ``(B, C, H, W)`` images as the file takes them."""
    return images.permute(0, 2, 3, 1).contiguous() if extractor.network.input.channels_last else images


def plain_session(path: str, threads: int) -> Any:
    """Return onnxruntime's session as it is by default, on so many threads and without its warnings."""
    import onnxruntime  # noqa: PLC0415  for this format only

    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=[PROCESSOR])


def compare(sides: Sides, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Return the times of both sides by clock, a pair for each repeat, after one that does not count."""
    found: dict[str, list[tuple[float, float]]] = {clock: [] for clock in CLOCKS}
    for repeat in range(repeats + 1):
        order = list(sides)[:: -1 if repeat % 2 else 1]
        times = {side: timed(side) for side in order}
        for clock in CLOCKS if repeat else ():
            ours, theirs = (times[side][clock] for side in sides)
            found[clock].append((ours, theirs))
    return found


def timed(run: Callable[[], object]) -> dict[str, float]:
    """Return how long a call takes by each clock."""
    began = {name: clock() for name, clock in CLOCKS.items()}
    run()
    return {name: clock() - began[name] for name, clock in CLOCKS.items()}


if __name__ == "__main__":
    run_command(lambda _: main())

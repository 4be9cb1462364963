"""Speed of occlusion maps: positions per second of the engine and of captum's, in one run on the same network.

    python -m experiments.benchmarks.occlusion_map_speed [--threads 1] [--images 8] [--repeats 3]
        [--width 1.0] [--device cpu] [--occluders 20x20 20x40 40x40]

CASIA-Net of ``--width`` times its channels, random weights, grey 100 × 100, stride 1. Each side runs at its best batch
size and memory layout, found first; all sides take turns within a repeat, and the median over repeats counts. The
engine computes whole maps of ``--images`` images, of all 10,000 centres, the preparation of a block of images
included. Captum's ``Occlusion`` visits the first image: it has no shortcut, so a position costs the same wherever it
lies, and on a CPU it is given every 7th row and column only. It slides over whole occluders only, 81 × 81 of them at
20 × 20, where the engine also does those that the border cuts.
"""

import statistics
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from captum.attr import Occlusion
from rich.table import Table
from torch import Tensor, nn

from callbacks.occlusion_sensitivity import occlusion_maps
from experiments.benchmarks.benchmark import hardware, parse_options, print_table, seconds, with_span
from experiments.cli.user_errors import main as run_command
from lightning_modules.networks import CasiaNet

OCCLUDERS = ((20, 20), (20, 40), (40, 40))
CLASSES = 500
SIZE = 100
CENTRES = SIZE * SIZE
ENGINE_BATCHES = {"cpu": (32, 64, 128), "cuda": (512, 1024, 4096)}
CAPTUM_BATCHES = {"cpu": (4, 8, 16, 32), "cuda": (256, 1024, 4096)}
CAPTUM_STRIDE = {"cpu": 7, "cuda": 1}
"""Captum's positions: a GPU needs many to fill its batches, and does them at once."""

Occluder = tuple[int, int]


class Faces(NamedTuple):
    """A network and images with the labels that it gives them."""

    network: nn.Module
    images: Tensor
    labels: Tensor

    def first(self, number: int) -> "Faces":
        """Return those of them that come first."""
        return Faces(self.network, self.images[:number], self.labels[:number])


class Rates(NamedTuple):
    """Positions per second of both sides, one for each repeat."""

    engine: list[float]
    captum: list[float]

    @property
    def ratios(self) -> list[float]:
        """How many times as fast the engine was."""
        return [a / b for a, b in zip(self.engine, self.captum, strict=True)]


def main() -> None:
    """Parse the command line, measure and print."""
    sizes = [f"{height}x{width}" for height, width in OCCLUDERS]
    options = parse_options(__doc__, threads=1, images=8, width=1.0, repeats=3, device="cpu", occluders=sizes)
    torch.set_num_threads(options.threads)
    faces = random_faces(options.images, options.width, torch.device(options.device))
    theirs = tuned("captum", CAPTUM_BATCHES[faces.images.device.type], partial(captum, faces, (20, 20)))
    ours = tuned("engine", ENGINE_BATCHES[faces.images.device.type], partial(engine, faces.first(2), (20, 20)))
    where = hardware(faces.images.device)
    title = f"CASIA-Net × {options.width:g}, {where}; batch sizes {ours} (engine), {theirs} (captum)"
    table = Table("occluder", "engine, positions/s", "captum, positions/s", "ratio", title=title)
    for name in options.occluders:
        height, width = (int(side) for side in name.split("x"))
        rates = compare(faces, (height, width), (ours, theirs), options.repeats)
        medians = (f"{statistics.median(side):,.0f}" for side in rates)
        table.add_row(f"{height} × {width}", *medians, with_span(rates.ratios, ".2f"))
    print_table(table)


def random_faces(number: int, width: float, device: torch.device) -> Faces:
    """Return a CASIA-Net of ``width`` times its channels, and noise that it classifies correctly."""
    torch.manual_seed(0)
    network = CasiaNet(CLASSES, width=width).eval().to(device).to(memory_format=torch.channels_last)
    images = torch.randn(number, 1, SIZE, SIZE).to(device)
    with torch.no_grad():
        labels = torch.cat([network(part).argmax(1) for part in torch.split(images, 64)])
    return Faces(network, images, labels)


def tuned(side: str, batch_sizes: tuple[int, ...], rate: Callable[[int], float]) -> int:
    """Return the batch size with the highest rate."""
    rates = {batch_size: rate(batch_size) for batch_size in batch_sizes}
    print(f"{side}: " + ", ".join(f"{rate:,.0f} positions/s at batch size {size}" for size, rate in rates.items()))
    return max(rates, key=rates.__getitem__)


def compare(faces: Faces, occluder: Occluder, batch_sizes: tuple[int, int], repeats: int) -> Rates:
    """Measure engine and captum in turns, at their batch sizes."""
    rates = Rates([], [])
    for _ in range(repeats):
        rates.engine.append(engine(faces, occluder, batch_sizes[0]))
        rates.captum.append(captum(faces, occluder, batch_sizes[1]))
    return rates


def engine(faces: Faces, occluder: Occluder, batch_size: int) -> float:
    """Return positions per second of whole maps of all images."""
    make = partial(occlusion_maps, *faces, occluder_size=occluder, batch_size=batch_size)
    return CENTRES * len(faces.images) / seconds(make)


def captum(faces: Faces, occluder: Occluder, batch_size: int) -> float:
    """Return positions per second over rows and columns of one image."""
    attribution, stride = Occlusion(faces.network), CAPTUM_STRIDE[faces.images.device.type]
    rows, columns = ((SIZE - side) // stride + 1 for side in occluder)

    def attribute() -> None:
        with torch.no_grad():
            attribution.attribute(
                faces.images[:1],
                sliding_window_shapes=(1, *occluder),
                strides=(1, stride, stride),
                target=faces.labels[:1],
                perturbations_per_eval=batch_size,
            )

    return rows * columns / seconds(attribute)


if __name__ == "__main__":
    run_command(lambda _: main())

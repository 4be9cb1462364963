"""Speed of occlusion maps: positions per second of the engine and of captum's, in one run on the same network.

    python -m experiments.benchmarks.occlusion_maps [--threads 1] [--repeats 3] [--seconds 20] [--device cpu|cuda]

CASIA-Net, random weights, grey 100 × 100, stride 1. Each side runs at its best batch size and memory layout, found
first; all sides take turns within a repeat, and the median over repeats counts. The engine computes whole maps, of
all 10,000 centres, the preparation of a block of images included. Captum's ``Occlusion`` visits the same images: it
has no shortcut, so a position costs the same wherever it lies, and it is given every 7th row and column only. It slides
over whole occluders only, 81 × 81 of them at 20 × 20, where the engine also does those that the border cuts.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from captum.attr import Occlusion
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from callbacks.occlusion_sensitivity import occlusion_maps
from experiments.errors import main as run_command
from experiments.launch import Parser
from lightning_modules.networks import CasiaNet

OCCLUDERS = ((20, 20), (20, 40), (40, 40))
CLASSES = 500
SIZE = 100
STRIDE = 7  # of captum's positions


def main() -> None:
    """Parse the command line, measure and print."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--images", type=int, default=8, help="images that the engine makes maps of")
    parser.add_argument("--width", type=float, default=1.0, help="factor on CASIA-Net's channels")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--occluders", nargs="+", default=[f"{h}x{w}" for h, w in OCCLUDERS])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = CasiaNet(CLASSES, width=options.width).eval().to(options.device)
    network = network.to(memory_format=torch.channels_last)
    images = torch.randn(options.images, 1, SIZE, SIZE, device=options.device)
    with torch.no_grad():
        labels = network(images).argmax(1)
    on_gpu = images.is_cuda
    batches = (256, 1024, 4096) if on_gpu else (4, 8, 16, 32)
    theirs = tuned("captum", batches, partial(captum, network, images, labels, occluder=(20, 20)))
    ours = tuned(
        "engine",
        (512, 1024, 4096) if on_gpu else (32, 64, 128),
        lambda batch_size: engine(network, images[:2], labels[:2], occluder=(20, 20), batch_size=batch_size),
    )
    table = Table(
        "occluder", "engine, positions/s", "captum, positions/s", "ratio", title=describe(options, ours, theirs)
    )
    for name in options.occluders:
        height, width = (int(side) for side in name.split("x"))
        rates: dict[str, list[float]] = {"engine": [], "captum": []}
        for _ in range(options.repeats):
            rates["engine"].append(engine(network, images, labels, occluder=(height, width), batch_size=ours))
            rates["captum"].append(captum(network, images, labels, occluder=(height, width), batch_size=theirs))
        fast, slow = (statistics.median(rates[side]) for side in ("engine", "captum"))
        ratios = [a / b for a, b in zip(rates["engine"], rates["captum"], strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        table.add_row(f"{height} × {width}", f"{fast:,.0f}", f"{slow:,.0f}", spread)
    Console(width=120).print(table)


def tuned(side: str, batch_sizes: tuple[int, ...], rate: Callable[..., float]) -> int:
    """Return the batch size with the highest rate."""
    rates = {batch_size: rate(batch_size=batch_size) for batch_size in batch_sizes}
    print(f"{side}: " + ", ".join(f"{rate:,.0f} positions/s at batch size {size}" for size, rate in rates.items()))
    return max(rates, key=rates.__getitem__)


def engine(network: nn.Module, images: Tensor, labels: Tensor, *, occluder: tuple[int, int], batch_size: int) -> float:
    """Return positions per second of whole maps of all images."""
    occlude = partial(occlusion_maps, network, occluder_size=occluder, batch_size=batch_size)
    return SIZE * SIZE * len(images) / seconds(partial(occlude, images, labels), images)


def captum(network: nn.Module, images: Tensor, labels: Tensor, *, occluder: tuple[int, int], batch_size: int) -> float:
    """Return positions per second over every seventh row and column of one image."""
    attribution = Occlusion(network)
    positions = [(SIZE - side) // STRIDE + 1 for side in occluder]

    def attribute() -> None:
        with torch.no_grad():
            attribution.attribute(
                images[:1],
                sliding_window_shapes=(1, *occluder),
                strides=(1, STRIDE, STRIDE),
                target=labels[:1],
                perturbations_per_eval=batch_size,
            )

    return positions[0] * positions[1] / seconds(attribute, images)


def seconds(run: Callable[[], object], images: Tensor) -> float:
    """Return the wall-clock time of a call, of what it started on the device too."""
    if images.is_cuda:
        torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    if images.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def describe(options: argparse.Namespace, ours: int, theirs: int) -> str:
    """Say what was measured."""
    where = torch.cuda.get_device_name() if options.device != "cpu" else f"{options.threads} CPU thread(s)"
    return f"CASIA-Net × {options.width:g}, {where}; batch sizes {ours} (engine), {theirs} (captum)"


if __name__ == "__main__":
    run_command(lambda _: main())

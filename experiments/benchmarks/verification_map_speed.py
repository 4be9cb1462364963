"""Speed of verification maps: positions per second of the engine, densely, and of captum's, in turns within one run.

    python -m experiments.benchmarks.verification_map_speed [--threads 1] [--pairs 2] [--repeats 5] [--width 1.0]
        [--size 100] [--device cpu] [--occluder 20x20] [--batches 64,8,8]

CASIA-Net's embeddings of ``--width`` times its channels, random weights, grey, stride 1. A position is one place of the
occluder over the first image of a pair, and one similarity to the second. The engine computes whole maps of
``--pairs`` pairs, tracing and the preparation of images included; the dense way, and captum's ``Occlusion`` of the
similarity, visit every 7th row and column of the first pair on a CPU, as a position costs them the same wherever it
lies. In each repeat all take turns; ratios are of the same repeat, and their median counts, with the least and the
largest. Before that, the engine's scores are compared with the dense way's. On a CPU, seconds are those that the
process had of it: others that use it change nothing but caches.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from captum.attr import Occlusion
from rich.table import Table
from torch import Tensor, nn

from callbacks.occlusion_sensitivity import verification_maps
from experiments.benchmarks.benchmark import hardware, now, parse_options, print_table, seconds, with_span
from experiments.benchmarks.occlusion_map_speed import CAPTUM_BATCHES, CAPTUM_STRIDE, ENGINE_BATCHES, Occluder, tuned
from experiments.cli.arguments import count
from experiments.cli.user_errors import main as run_command
from lightning_modules.networks import CasiaNet

ENGINE, DENSE, CAPTUM = "engine", "dense", "captum"


class Pairs(NamedTuple):
    """A network with embeddings, and pairs of noise."""

    network: nn.Module
    first: Tensor
    second: Tensor


class Similarity(nn.Module):
    """What captum perturbs the input of: the cosine similarity to one other image.

    Args:
        pairs: The network, and the other image.
    """

    other: Tensor

    def __init__(self, pairs: Pairs) -> None:
        super().__init__()
        self.network = pairs.network
        self.register_buffer("other", nn.functional.normalize(pairs.network(pairs.second[:1])))

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(B,)``."""
        return nn.functional.normalize(self.network(images)) @ self.other[0]


def main() -> None:
    """Parse the command line, measure and print."""
    options = parse_options(
        __doc__, threads=1, pairs=2, width=1.0, size=100, repeats=5, device="cpu", occluder="20x20", batches=""
    )
    torch.set_num_threads(options.threads)
    height, width = (int(side) for side in options.occluder.split("x"))
    pairs = random_pairs(options.pairs, options.size, options.width, torch.device(options.device))
    print(f"largest difference of scores, engine and dense: {difference(pairs, (height, width)):.1e}")
    ways = ways_of(pairs, (height, width), options.batches)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, way in ways.items():
            rates[name].append(way())
    title = (
        f"CASIA-Net × {options.width:g}, {options.size}², occluder {height} × {width}, {hardware(pairs.first.device)}"
    )
    table = Table("way", "positions/s", "engine's ratio, in the same repeat", title=title)
    for name, found in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(rates[ENGINE], found, strict=True)]
        table.add_row(name, f"{statistics.median(found):,.0f}", with_span(ratios, ".2f"))
    print_table(table)


def random_pairs(number: int, size: int, width: float, device: torch.device) -> Pairs:
    """Return CASIA-Net's embeddings and pairs of noise."""
    torch.manual_seed(0)
    network = Embeddings(CasiaNet(2, width=width)).eval().to(device).to(memory_format=torch.channels_last)
    first, second = torch.randn(2, number, 1, size, size).to(device)
    return Pairs(network, first, second)


class Embeddings(nn.Module):
    """CASIA-Net without its classifier.

    Args:
        network: The whole.
    """

    def __init__(self, network: CasiaNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(B, D)``."""
        return self.network.embed(x)


def ways_of(pairs: Pairs, occluder: Occluder, batches: str) -> dict[str, Callable[[], float]]:
    """Return what measures each way once, at its batch size: ``64,8,8``, or the best, found first."""
    one = Pairs(pairs.network, pairs.first[:1], pairs.second[:1])
    ways = {ENGINE: partial(engine, pairs, occluder), DENSE: partial(dense, one, occluder)}
    ways[CAPTUM] = partial(captum, one, occluder)
    if batches:
        sizes = [count(size) for size in batches.split(",")]
    else:
        kind = pairs.first.device.type
        tried = (ENGINE_BATCHES[kind], CAPTUM_BATCHES[kind], CAPTUM_BATCHES[kind])
        sizes = [tuned(name, some, way) for (name, way), some in zip(ways.items(), tried, strict=True)]
    return {name: partial(way, size) for (name, way), size in zip(ways.items(), sizes, strict=True)}


def difference(pairs: Pairs, occluder: Occluder) -> float:
    """Return the largest difference of scores between the engine and the dense way, over a part of the places."""
    maps = partial(verification_maps, *pairs, covered="first", occluder_size=occluder, stride=9)
    return float((maps(method="incremental").scores - maps(method="dense").scores).abs().max())


def engine(pairs: Pairs, occluder: Occluder, batch_size: int) -> float:
    """Return positions per second of whole maps."""
    maps = partial(verification_maps, *pairs, covered="first", occluder_size=occluder, batch_size=batch_size)
    return pairs.first.shape[2] * pairs.first.shape[3] * len(pairs.first) / _seconds(maps, pairs)


def dense(pairs: Pairs, occluder: Occluder, batch_size: int) -> float:
    """Return positions per second of the dense way."""
    stride = CAPTUM_STRIDE[pairs.first.device.type]
    maps = partial(
        verification_maps,
        *pairs,
        covered="first",
        occluder_size=occluder,
        stride=stride,
        method="dense",
        batch_size=batch_size,
    )
    rows = -(-(pairs.first.shape[2] - 1) // stride) + 1
    return rows * rows * len(pairs.first) / _seconds(maps, pairs)


def captum(pairs: Pairs, occluder: Occluder, batch_size: int) -> float:
    """Return positions per second of captum's occlusion of the similarity."""
    stride = min(CAPTUM_STRIDE[pairs.first.device.type], *occluder)  # captum takes no larger one
    rows, columns = ((pairs.first.shape[2] - side) // stride + 1 for side in occluder)
    with torch.no_grad():
        attribution = Occlusion(Similarity(pairs))

        def attribute() -> None:
            attribution.attribute(
                pairs.first[:1],
                sliding_window_shapes=(1, *occluder),
                strides=(1, stride, stride),
                perturbations_per_eval=batch_size,
            )

        return rows * columns / _seconds(attribute, pairs)


def _seconds(run: Callable[[], object], pairs: Pairs) -> float:
    return seconds(run, time.process_time if pairs.first.device.type == "cpu" else now)


if __name__ == "__main__":
    run_command(lambda _: main())

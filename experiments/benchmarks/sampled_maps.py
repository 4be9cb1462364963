"""Accuracy of sampled occlusion maps: error, honesty and time against the exact map of the same images.

    python -m experiments.benchmarks.sampled_maps [--width 0.25] [--size 50] [--images 200] [--seeds 10] [--threads 1]
        [--epochs 15] [--shares 0.02 0.05] [--cache-dir data/synthetic]

Trains a narrow CASIA-Net on generated faces, grey, some minutes on one core at size 50; computes the exact map of
held-out images that it classifies correctly, with occluders of a fifth of their side; then estimates it from shares of
the occlusions, once for each seed. RMS: of the difference from the exact map, without smoothing in brackets. Within 3
SE: share of places where the exact map is that near. SE: root mean square of what is stated. TV: total variation
between the two maps' softmax at temperature 0.25. Time: of the exact map as a multiple of the estimate's.

``--size 100 --images 1000`` is the setting of the paper but for the width; the exact map then takes half an hour.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from rich.table import Table
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from callbacks.occlusion_sensitivity import OcclusionMaps, occlusion_maps, sampled_error_map
from callbacks.occlusion_sensitivity.sampled import sampled_places
from datamodules.sources import SyntheticFaces
from experiments.benchmarks.benchmark import now, parse_options, print_table
from experiments.cli.user_errors import main as run_command
from lightning_modules.networks import CasiaNet, Normalize

IDENTITIES, TRAINING_PHOTOS = 100, 50
BATCH = 32
RATE = 0.003
TEMPERATURE = 0.25


class Accuracy(NamedTuple):
    """How near one estimate is to the exact map."""

    rms: float
    unsmoothed: float
    within: float
    stated: float
    variation: float
    seconds: float


def main() -> None:
    """Parse the command line, measure and print."""
    options = parse_options(
        __doc__,
        **{"width": 0.25, "size": 50, "images": 200, "epochs": 15, "seeds": 10, "shares": [1 / 50, 1 / 20]},
        **{"threads": 1, "cache_dir": "data/synthetic"},
    )
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    held_out = -(-options.images * 2 // IDENTITIES)  # some will be misclassified
    images, labels, training = faces(options.size, TRAINING_PHOTOS + held_out, options.cache_dir)
    network = train(images[training], labels[training], width=options.width, epochs=options.epochs)
    images, labels = correct(network, images[~training], labels[~training], options.images)
    side = options.size // 5
    began = now()
    maps = occlusion_maps(network, images, labels, occluder_size=(side, side))
    exact_seconds = now() - began
    table = Table(
        *("share", "RMS", "largest RMS", "within 3 SE", "least within", "SE", "TV", "time ratio"),
        title=f"CASIA-Net × {options.width:g}, {len(images)} images of {options.size}², occluder {side}², "
        f"{options.seeds} seeds, mean error {maps.errors.double().mean():.3f}, exact map in {exact_seconds:.0f} s",
    )
    for share in options.shares:
        results = [measure(network, images, labels, maps, side, share, seed) for seed in range(options.seeds)]
        table.add_row(f"1/{1 / share:.0f}", *summary(results, exact_seconds))
    print_table(table)


def faces(size: int, photos: int, cache_dir: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return grey faces ``(N, 1, size, size)``, their identities ``(N,)`` and which are for training ``(N,)``."""
    source = SyntheticFaces(IDENTITIES, photos, 64, seed=0, cache_dir=cache_dir)
    pixels = torch.from_numpy(np.stack([source.image(index) for index in range(len(source))])).permute(0, 3, 1, 2)
    images = interpolate(Normalize(grey=True)(pixels), size=(size, size), mode="bilinear", antialias=True)
    return images, torch.from_numpy(source.identities), torch.arange(len(images)) % photos < TRAINING_PHOTOS


def train(images: Tensor, labels: Tensor, *, width: float, epochs: int) -> nn.Module:
    """Return a trained CASIA-Net."""
    network = CasiaNet(IDENTITIES, width=width).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    steps = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=epochs * steps, pct_start=0.3, cycle_momentum=False
    )
    for epoch in range(epochs):
        order, total = torch.randperm(len(images)), 0.0
        for start, stop in pairwise(range(0, len(images) + 1, BATCH)):
            batch = order[start:stop]
            flipped = (torch.rand(len(batch)) < 0.5)[:, None, None, None]
            pictures = torch.where(flipped, images[batch].flip(3), images[batch])
            loss = cross_entropy(network(pictures), labels[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        print(f"epoch {epoch + 1}: loss {total / steps:.2f}", flush=True)
    return network.eval()


@torch.no_grad()
def correct(network: nn.Module, images: Tensor, labels: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Return up to ``number`` images that are classified correctly, and their labels."""
    order = torch.randperm(len(images))
    right = torch.cat([network(images[part]).argmax(1) == labels[part] for part in torch.split(order, 100)])
    print(f"held-out accuracy {right.double().mean():.3f}", flush=True)
    chosen = order[right][:number]
    return images[chosen], labels[chosen]


def measure(
    network: nn.Module, images: Tensor, labels: Tensor, maps: OcclusionMaps, side: int, share: float, seed: int
) -> Accuracy:
    """Estimate the map once and compare."""
    began = now()
    estimate = sampled_error_map(network, images, labels, occluder_size=(side, side), share=share, seed=seed)
    seconds = now() - began
    exact = maps.errors.double().mean(0)
    size = (exact.shape[0], exact.shape[1])
    places = torch.stack([sampled_places(size, share, seed, i) > 0 for i in estimate.indices.tolist()])
    raw = (places & maps.errors).sum(0) / places.sum(0).clamp(min=1)
    difference = estimate.error - exact
    both = (torch.softmax(m.double().flatten() / TEMPERATURE, 0) for m in (estimate.error, exact))
    return Accuracy(
        rms=float(difference.square().mean().sqrt()),
        unsmoothed=float((raw - exact).square().mean().sqrt()),
        within=float((difference.abs() <= 3 * estimate.standard_error).double().mean()),
        stated=float(estimate.standard_error.square().mean().sqrt()),
        variation=float(torch.sub(*both).abs().sum() / 2),
        seconds=seconds,
    )


def summary(results: list[Accuracy], exact_seconds: float) -> list[str]:
    """Return the cells of a row."""
    mean = Accuracy(*np.mean(results, axis=0))
    return [
        f"{mean.rms:.4f} ({mean.unsmoothed:.3f})",
        f"{max(r.rms for r in results):.4f}",
        f"{mean.within:.2%}",
        f"{min(r.within for r in results):.2%}",
        f"{mean.stated:.4f}",
        f"{mean.variation:.4f}",
        f"{exact_seconds / mean.seconds:.1f}",
    ]


if __name__ == "__main__":
    run_command(lambda _: main())

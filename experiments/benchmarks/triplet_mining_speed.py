"""Speed and memory of mining + triplet loss, against pytorch-metric-learning's, in one run on the same embeddings.

    python -m experiments.benchmarks.triplet_mining_speed [--identities 256] [--images 4] [--dim 320]
        [--spreads 1 2 3] [--repeats 5] [--threads 2]

P identities × K images at random around their identity's centre, L2-normalised; ``spread`` is the noise's size relative
to the centres': the larger, the more triplets are semi-hard. Their side is ``TripletMarginMiner`` with
``type_of_triplets="semihard"`` and ``TripletMarginLoss``, squared distances; it enumerates all triplets whatever is
asked for. Both sides take turns within a repeat; the median over repeats counts. The last line is the largest memory of
a process of its own that mines semi-hard triplets of a batch of 8,192, with loss and gradient.
"""

import statistics
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

import torch
from rich.table import Table
from torch import Tensor
from torch.nn.functional import normalize

from experiments.benchmarks.benchmark import (
    device_memory,
    forget_device_memory,
    median_seconds,
    parse_options,
    peak_memory,
    print_table,
    seconds,
    with_span,
)
from experiments.benchmarks.gpu_rows import PartRows, Row
from experiments.cli.user_errors import main as run_command
from losses import BatchTripletLoss, DistanceLoss, Strategy, TripletLoss, mine_triplets, triplet_distances

MARGIN = 0.5
STRATEGIES: tuple[Strategy, ...] = ("all_semi_hard", "semi_hard")
COLUMNS = ("spread", "triplets", "theirs, ms", "strategy", "ours, ms", "ratio", "with gradient", "loss − theirs")
LOSSES = {"triplet loss": TripletLoss(MARGIN), "batch triplet loss": BatchTripletLoss(MARGIN)}
Side = Callable[[Tensor, Tensor], tuple[Tensor, int]]
"""Embeddings and identities → loss and number of triplets."""


class Batch(NamedTuple):
    """L2-normalised embeddings ``(P · K, D)``, which want a gradient, and their identities."""

    embeddings: Tensor
    identities: Tensor


def main() -> None:
    """Parse the command line, measure and print."""
    options = parse_options(__doc__, identities=256, images=4, dim=320, spreads=[1.0, 2.0, 3.0], repeats=5, threads=2)
    torch.set_num_threads(options.threads)
    title = f"{options.identities} × {options.images} faces, D = {options.dim}, {options.threads} thread(s)"
    table = Table(*COLUMNS, title=title)
    for spread in options.spreads:
        batch = random_batch(options.identities, options.images, options.dim, spread=spread)
        for strategy in STRATEGIES:
            table.add_row(f"{spread:g}", *compare(strategy, batch, options.repeats))
    print_table(table)
    with get_context("spawn").Pool(1) as pool:
        peak = pool.apply(peak_of_step, (options.dim, options.threads))
    print(f"semi_hard, loss and gradient of 8,192 faces: {peak:.2f} GiB at most, Python and torch included")


def peak_of_step(dim: int, threads: int) -> float:
    """Return the largest memory in GiB of this process, after mining, loss and gradient of 8,192 faces."""
    torch.set_num_threads(threads)
    step(ours("semi_hard"), random_batch(2048, 4, dim, spread=2.0))
    return peak_memory()


def random_batch(identities: int, images: int, dim: int, *, spread: float, device: torch.device | str = "cpu") -> Batch:
    """Return so many identities with so many images each."""
    torch.manual_seed(0)
    labels = torch.arange(identities).repeat_interleave(images)
    z = torch.randn(identities, dim)[labels] + spread * torch.randn(len(labels), dim)
    return Batch(normalize(z.to(device)).requires_grad_(), labels.to(device))


def compare(strategy: Strategy, batch: Batch, repeats: int) -> list[str]:
    """Return a row of the table."""
    sides: dict[str, Side] = {"theirs": theirs(), "ours": ours(strategy)}
    times: dict[tuple[str, bool], list[float]] = {}
    results = {name: step(side, batch) for name, side in sides.items()}  # warm
    for _ in range(repeats):
        for name, side in sides.items():
            for gradient in (False, True):
                run = partial(step, side, batch) if gradient else partial(side, *batch)
                times.setdefault((name, gradient), []).append(seconds(run))
    ratios = [
        [a / b for a, b in zip(times["theirs", gradient], times["ours", gradient], strict=True)]
        for gradient in (False, True)
    ]
    (loss, number), (their_loss, _) = results["ours"], results["theirs"]
    difference = f"{(loss - their_loss).item():+.1e}" if strategy == "all_semi_hard" else "other triplets"
    fast, slow = (1000 * statistics.median(times[name, False]) for name in ("ours", "theirs"))
    spans = [with_span(r, ".1f") for r in ratios]
    return [f"{number:,}", f"{slow:.0f}", strategy, f"{fast:.1f}", *spans, difference]


def theirs() -> Side:
    """Return pytorch-metric-learning's mining and loss."""
    # imported here, or it would count in the memory of ours
    from pytorch_metric_learning.distances import LpDistance  # noqa: PLC0415
    from pytorch_metric_learning.losses import TripletMarginLoss  # noqa: PLC0415
    from pytorch_metric_learning.miners import TripletMarginMiner  # noqa: PLC0415

    distance = LpDistance(p=2, power=2, normalize_embeddings=False)
    miner = TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard", distance=distance)
    loss = TripletMarginLoss(margin=MARGIN, distance=distance)

    def side(z: Tensor, identities: Tensor) -> tuple[Tensor, int]:
        triplets = miner(z, identities)
        return loss(z, identities, triplets), len(triplets[0])

    return side


def ours(strategy: Strategy, loss: DistanceLoss | None = None) -> Side:
    """Return our mining and a loss, by default the triplet loss."""
    criterion = loss or TripletLoss(MARGIN)

    def side(z: Tensor, identities: Tensor) -> tuple[Tensor, int]:
        triplets = mine_triplets(z, identities, margin=MARGIN, strategy=strategy)
        return criterion.from_distances(*triplet_distances(z, *triplets)), len(triplets.anchor)

    return side


def step(side: Side, batch: Batch) -> tuple[Tensor, int]:
    """Return a side's loss, after its gradient, and number of triplets."""
    batch.embeddings.grad = None
    loss, number = side(*batch)
    torch.autograd.backward(loss)
    return loss, number


def run(rows: PartRows, device: torch.device, small: bool) -> None:
    """Part of the check of a card: 1,024 faces beside pytorch-metric-learning, and 8,192, too many for it."""
    few, many = (8, 32) if small else (256, 2048)
    for identities in (few, many):
        batch = random_batch(identities, 4, 320, spread=2.0, device=device)
        sides = {f"{name}, {how}": ours(how, loss) for name, loss in LOSSES.items() for how in STRATEGIES}
        if identities == few:
            sides["pytorch-metric-learning, all_semi_hard"] = theirs()
        for name, side in sides.items():
            rows.add({"what": name, "B": len(batch.identities), "D": 320}, partial(_row, side, batch))


def _row(side: Side, batch: Batch) -> Row:
    forget_device_memory()
    taken = median_seconds(lambda: step(side, batch), repeats=5)
    memory = device_memory(batch.embeddings.device)
    return {"triplets": step(side, batch)[1], "ms": 1000 * taken, "GiB at most": memory}


if __name__ == "__main__":
    run_command(lambda _: main())

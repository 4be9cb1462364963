"""Part of the check of a card: mining, triplet losses and their gradients in large batches."""

from functools import partial

import torch

from experiments.benchmarks.gpu_rows import PartRows, Row
from experiments.benchmarks.machine import device_memory, forget_device_memory, median_seconds
from experiments.benchmarks.triplet_mining_speed import (
    MARGIN,
    STRATEGIES,
    Batch,
    Side,
    ours,
    random_batch,
    step,
    theirs,
)
from losses import BatchTripletLoss, TripletLoss

IMAGES = 4
DIM = 320
LOSSES = {"triplet loss": TripletLoss(MARGIN), "batch triplet loss": BatchTripletLoss(MARGIN)}


def run(rows: PartRows, device: torch.device, small: bool) -> None:
    """Measure 1,024 faces beside pytorch-metric-learning, and 8,192 faces, which are too many for it."""
    few, many = (8, 32) if small else (256, 2048)
    for identities in (few, many):
        batch = random_batch(identities, IMAGES, DIM, spread=2.0, device=device)
        sides = {f"{name}, {how}": ours(how, loss) for name, loss in LOSSES.items() for how in STRATEGIES}
        if identities == few:
            sides["pytorch-metric-learning, all_semi_hard"] = theirs()
        for name, side in sides.items():
            rows.add({"what": name, "B": len(batch.identities), "D": DIM}, partial(_row, side, batch))


def _row(side: Side, batch: Batch) -> Row:
    forget_device_memory()
    taken = median_seconds(lambda: step(side, batch), repeats=5)
    memory = device_memory(batch.embeddings.device)
    return {"triplets": step(side, batch)[1], "ms": 1000 * taken, "GiB at most": memory}

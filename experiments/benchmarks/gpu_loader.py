"""Part of the check of a card: from JPEG files through loading processes to the output of the first layer."""

import os
import tempfile
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from datamodules.dataset import FaceDataset, FaceSample, collate_faces
from datamodules.sources import ImageFolder
from experiments.benchmarks.gpu_rows import PartRows, Row
from experiments.benchmarks.machine import now
from experiments.benchmarks.pipeline import BATCH, dataset, load, write_faces
from lightning_modules.networks import Normalize

SIZES = (112, 224)
BATCHES = 100
"""Of an epoch, of which those that workers load ahead at its start do not count."""
AHEAD = 2


def run(rows: PartRows, device: torch.device, small: bool) -> None:
    """Measure occluded and augmented faces of both sizes, with half as many workers as cores and as many."""
    cores = os.cpu_count() or 1
    for size in SIZES[:1] if small else SIZES:
        with tempfile.TemporaryDirectory() as folder:
            source = ImageFolder(write_faces(Path(folder), 4 if small else 8, 4 if small else 8, size))
            batches = 4 if small else BATCHES
            faces = dataset(source, batches * BATCH, size=size, occlude=True, augment=True)
            load(dataset(source, BATCH, size=size, occlude=True), 0)
            for workers in (1,) if small else sorted({cores // 2, cores} - {0}):
                name = {"what": f"{size}², occluded and augmented", "workers": workers}
                rows.add(name, partial(_row, faces, workers, device))


def _row(faces: FaceDataset, workers: int, device: torch.device) -> Row:
    loader: DataLoader[FaceSample] = DataLoader(
        faces,
        batch_size=BATCH,
        num_workers=workers,
        collate_fn=collate_faces,
        pin_memory=device.type == "cuda",
        prefetch_factor=AHEAD,
    )
    first = nn.Sequential(Normalize(), nn.Conv2d(3, 64, 3, padding=1)).to(device)
    ahead = min(AHEAD * workers, len(loader) // 2)
    began, before = 0.0, now()
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for number, batch in enumerate(loader):
            first(batch["image"].to(device, non_blocking=True))
            if number == ahead:
                began = now()
    ended = now()
    rate = (len(loader) - ahead - 1) * BATCH / (ended - began)
    return {"images/s": rate, "a worker": rate / workers, "s to the first batches": began - before}

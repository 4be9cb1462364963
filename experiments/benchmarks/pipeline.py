"""Throughput of the training pipeline on one core: decode, occlude, augment, batch and normalise 112 × 112 faces.

    python -m experiments.benchmarks.pipeline [--data FOLDER] [--images 2000] [--repeats 5]

``--data`` is a folder of one sub-folder per identity; without it, generated faces are written as JPEG files first.
Prints images per second of processor time, the median over repeats, for each further step. The check of a card measures
the same with loading processes, to the output of the first layer.
"""

import itertools
import os
import tempfile
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from datamodules.augmentation import Augmentation
from datamodules.dataset import FaceDataset, FaceSample, collate_faces
from datamodules.occluders import TemplateMixture
from datamodules.sampler import Draw
from datamodules.sources import FixedLandmarks, ImageFolder, SyntheticFaces
from experiments.benchmarks.benchmark import median_seconds, now, parse_options
from experiments.benchmarks.gpu_rows import PartRows, Row
from experiments.cli.user_errors import main as run_command
from experiments.runs.layers import default_mixture
from lightning_modules.networks import Normalize

SIZE = 112
BATCH = 64
# of the check of a card
SIZES = (112, 224)
BATCHES = 100
"""Of an epoch, of which those that workers load ahead at its start do not count."""
AHEAD = 2


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__, data="", images=2000, repeats=5)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    with tempfile.TemporaryDirectory() as folder:
        source = ImageFolder(options.data or write_faces(Path(folder)))
        stages = {
            "decode": dataset(source, options.images),
            "decode + occlude": dataset(source, options.images, occlude=True),
            "decode + occlude + augment": dataset(source, options.images, occlude=True, augment=True),
        }
        for name, faces in stages.items():
            print(f"{name} + normalise: {images_per_second(faces, options.repeats):,.0f} images/s")


def dataset(
    source: ImageFolder, images: int, *, size: int = SIZE, occlude: bool = False, augment: bool = False
) -> FaceDataset:
    """Return the training dataset over the first ``images`` images of ``source``, or over them again and again."""
    indices = np.arange(images) % len(source)
    return FaceDataset(
        source,
        indices,
        source.identities[indices],
        landmarks=FixedLandmarks("arcface"),
        image_size=size,
        occluder=TemplateMixture(default_mixture()) if occlude else None,
        augmentation=Augmentation() if augment else None,
    )


def load(faces: FaceDataset, epoch: int) -> None:
    """Do for one epoch what a loader's worker and the model's first layer do."""
    normalize = Normalize()
    for start in range(0, len(faces), BATCH):
        positions = range(start, min(start + BATCH, len(faces)))
        normalize(collate_faces([faces[Draw(epoch, position)] for position in positions])["image"])


def images_per_second(faces: FaceDataset, repeats: int) -> float:
    """Return the median rate over epochs, per second of processor time."""
    epochs = itertools.count()  # the first draws the occluder instances and warms the file cache
    return len(faces) / median_seconds(lambda: load(faces, next(epochs)), repeats, clock=time.process_time)


def write_faces(folder: Path, identities: int = 20, images: int = 20, size: int = SIZE) -> Path:
    """Write generated faces as JPEG files of quality 95, one sub-folder per identity."""
    source = SyntheticFaces(identities, images, size)
    for index, identity in enumerate(source.identities):
        path = folder / source.identity_names[identity] / f"{index:05}.jpg"
        path.parent.mkdir(exist_ok=True)
        bgr = cv2.cvtColor(source.image(index), cv2.COLOR_RGB2BGR)
        path.write_bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    return folder


def run(rows: PartRows, device: torch.device, small: bool) -> None:
    """Part of the check of a card: faces of both sizes, with half as many workers as cores and as many."""
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


if __name__ == "__main__":
    run_command(lambda _: main())

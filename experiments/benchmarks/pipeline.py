"""Throughput of the training pipeline on one core: decode, occlude, augment and batch faces of 112² and 224².

    python -m experiments.benchmarks.pipeline [--data FOLDER] [--images 1000] [--repeats 5]

``--data`` is a folder of one sub-folder per identity; without it, generated faces are written as JPEG files first.
Prints images per second of processor time, the median over repeats, for each further step; the last leaves what it can
to the device of the training, which is not counted. All occluders are drawn before. The check of a card measures
the same with loading processes, to the output of the first layer.
"""

import os
import tempfile
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.table import Table
from torch import nn
from torch.utils.data import DataLoader

from datamodules.augmentation import Augmentation
from datamodules.dataset import FaceDataset
from datamodules.device_drawing import DeviceDrawing
from datamodules.face_samples import FaceSample, collate_faces
from datamodules.occluders import TemplateMixture
from datamodules.sampler import Draw
from datamodules.sources import FixedLandmarks, ImageFolder, SyntheticFaces
from experiments.benchmarks.benchmark import now, parse_options, print_table, seconds, with_span
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
    options = parse_options(__doc__, data="", images=1000, repeats=5)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    table = Table("steps", *(f"images/s at {size}²" for size in SIZES))
    rates: dict[str, list[str]] = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            source = ImageFolder(options.data or write_faces(Path(folder), size=size))
            for name, faces in stages(source, options.images, size).items():
                rates.setdefault(name, []).append(images_per_second(faces, options.repeats))
    for name, found in rates.items():
        table.add_row(name, *found)
    print_table(table)


def stages(source: ImageFolder, images: int, size: int) -> dict[str, FaceDataset]:
    """Return what is measured, by what it does."""
    chosen = partial(dataset, source, images, size=size)
    occluded = chosen(occlude=True, augment=True)
    late = chosen(occlude=True, augment=True, on_device=True)
    draw_all(occluded)
    return {
        "decode": chosen(),
        "decode + occlude": chosen(occlude=True),
        "decode + occlude + augment": occluded,
        "decode + plan, for the device to draw": late,
    }


def dataset(
    source: ImageFolder,
    images: int,
    *,
    size: int = SIZE,
    occlude: bool = False,
    augment: bool = False,
    on_device: bool = False,
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
        on_device=on_device,
    )


def draw_all(faces: FaceDataset) -> None:
    """Draw every instance of a dataset's templates, which processes that are forked then have."""
    if isinstance(faces.occluder, TemplateMixture):
        for number in range(faces.occluder.num_sprites):
            faces.occluder.sprite(number)


def load(faces: FaceDataset, epoch: int) -> None:
    """Do for one epoch what a loader's worker does."""
    for start in range(0, len(faces), BATCH):
        positions = range(start, min(start + BATCH, len(faces)))
        collate_faces([faces[Draw(epoch, position)] for position in positions])


def images_per_second(faces: FaceDataset, repeats: int) -> str:
    """Return the rate over epochs per second of processor time, its median with the least and the largest."""
    times = [seconds(partial(load, faces, epoch), time.process_time) for epoch in range(repeats + 1)]
    return with_span([len(faces) / spent for spent in times[1:]], ",.0f")  # the first warms the file cache


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
            for late in (False, True):
                faces = dataset(source, batches * BATCH, size=size, occlude=True, augment=True, on_device=late)
                draw_all(faces)
                for workers in (1,) if small else sorted({cores // 2, cores} - {0}):
                    what = f"{size}², occluded and augmented{' on the device' if late else ''}"
                    rows.add({"what": what, "workers": workers}, partial(_row, faces, workers, device))


def _row(faces: FaceDataset, workers: int, device: torch.device) -> Row:
    loader: DataLoader[FaceSample] = DataLoader(
        faces,
        batch_size=BATCH,
        num_workers=workers,
        collate_fn=collate_faces,
        pin_memory=device.type == "cuda",
        prefetch_factor=AHEAD,
    )
    drawing = DeviceDrawing(faces.occluder)
    first = nn.Sequential(Normalize(), nn.Conv2d(3, 64, 3, padding=1)).to(device)
    ahead = min(AHEAD * workers, len(loader) // 2)
    began, before = 0.0, now()
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for number, batch in enumerate(loader):
            batch["image"] = batch["image"].to(device, non_blocking=True)
            first(drawing.finished(batch)["image"])
            if number == ahead:
                began = now()
    ended = now()
    rate = (len(loader) - ahead - 1) * BATCH / (ended - began)
    return {"images/s": rate, "a worker": rate / workers, "s to the first batches": began - before}


if __name__ == "__main__":
    run_command(lambda _: main())

"""Part of the check of a card: occlusion maps by the engine and by captum, and the engine against the dense way.

The engine's rate contains what it takes to begin a map, about a second; "begun" leaves that out. The time of the
paper's 1,000 images is extrapolated from those measured.

What it takes on an H100, at 22,000 positions/s of the engine and 14,000 of captum: a first map 2 s; captum's three
batch sizes, 6,561 positions each, 2 s; a row 2 × (8 + 2 images × 10,000 positions and captum's 6,561), 10 s; three of
them 30 s, 45 s if larger occluders halve the rate; two comparisons, which begin four maps, 6 s. 55 s at most, of 60.
"""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch

from callbacks.occlusion_sensitivity import occlusion_maps
from experiments.benchmarks.gpu_rows import PartRows, Row
from experiments.benchmarks.occlusion_map_speed import (
    CAPTUM_BATCHES,
    CENTRES,
    OCCLUDERS,
    Faces,
    Occluder,
    captum,
    compare,
    engine,
    random_faces,
    tuned,
)

ALL = 1000
"""Images of the paper's map."""
FEW, MANY = 2, 8
"""Images that are measured: the difference is what images take once a map has begun."""
ENGINE_BATCH = {"cpu": 64, "cuda": 1024}
"""The engine's defaults; 512 and 4,096 are slower on an H100."""


def run(rows: PartRows, device: torch.device, small: bool) -> None:
    """Measure each occluder, then compare scores with the dense way's."""
    faces = random_faces(2 if small else MANY, 0.0625 if small else 1.0, device)
    engine(faces.first(1), OCCLUDERS[0], ENGINE_BATCH[device.type])  # warm
    theirs = 8 if small else tuned("captum", CAPTUM_BATCHES[device.type], partial(captum, faces, OCCLUDERS[0]))
    for occluder in OCCLUDERS[:1] if small else OCCLUDERS:
        name = {"what": f"{occluder[0]} × {occluder[1]}", "images": len(faces.images)}
        measure = partial(_row, faces, occluder, (ENGINE_BATCH[device.type], theirs))
        rows.add(name, partial(measure, few=1 if small else FEW, repeats=1 if small else 2))
    for tf32 in (True, False):
        name = {"what": f"20 × 20, TF32 {'allowed' if tf32 else 'off'}, against the dense way", "images": 2}
        rows.add(name, partial(_difference, faces.first(2), tf32, 25 if small else 5))


def _row(faces: Faces, occluder: Occluder, batch_sizes: tuple[int, int], *, few: int, repeats: int) -> Row:
    rates = compare(faces, occluder, batch_sizes, repeats)
    fewer = statistics.median(engine(faces.first(few), occluder, batch_sizes[0]) for _ in range(repeats))
    many, longer = len(faces.images), len(faces.images) * CENTRES / statistics.median(rates.engine)
    each = (longer - few * CENTRES / fewer) / (many - few)
    return {
        "engine": statistics.median(rates.engine),
        "engine, begun": CENTRES / each,
        "captum": statistics.median(rates.captum),
        "ratio": statistics.median(rates.ratios),
        f"s for {ALL:,} images": longer + (ALL - many) * each,
        "batch sizes": " and ".join(map(str, batch_sizes)),
    }


def _difference(faces: Faces, tf32: bool, stride: int) -> Row:
    with _tf32(tf32):
        ours, dense = (
            occlusion_maps(*faces, occluder_size=OCCLUDERS[0], stride=stride, method=method)
            for method in ("incremental", "dense")
        )
    return {
        "largest difference of a score": float((ours.scores - dense.scores).abs().max()),
        "largest score": float(dense.scores.abs().max()),
        "other predictions": f"{int((ours.errors != dense.errors).sum())} of {ours.errors.numel():,}",
    }


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """Let convolutions and products round their inputs to ten bits, or not."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before

"""Part of the check of a card: occlusion maps by the engine and by captum, and the engine against the dense way.

The engine's rate contains what it takes to begin a map, about a second; "begun" leaves that out. The time of the
paper's 1,000 images is extrapolated from those measured.
"""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch

from callbacks.occlusion_sensitivity import occlusion_maps
from experiments.benchmarks.gpu_rows import PartRows, Row
from experiments.benchmarks.occlusion_maps import (
    CAPTUM_BATCHES,
    CENTRES,
    ENGINE_BATCHES,
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
FEW = 8
REPEATS = 2
REPEAT_SECONDS = 3.0
"""About what the engine takes for a repeat."""


def run(rows: PartRows, device: torch.device, small: bool) -> None:
    """Measure each occluder, then compare scores with the dense way's."""
    faces = random_faces(2 if small else ALL, 0.0625 if small else 1.0, device)
    batch_sizes = (64, 8) if small else _tuned(faces)
    few, many = (0, 1) if small else (FEW, _images(faces, batch_sizes[0]))
    for occluder in OCCLUDERS[:1] if small else OCCLUDERS:
        name = {"what": f"{occluder[0]} × {occluder[1]}", "images": many}
        rows.add(name, partial(_row, faces, (few, many), occluder, batch_sizes))
    for tf32 in (True, False):
        name = {"what": f"20 × 20, TF32 {'allowed' if tf32 else 'off'}, against the dense way", "images": 2}
        rows.add(name, partial(_difference, faces.first(2), tf32, 25 if small else 5))


def _tuned(faces: Faces) -> tuple[int, int]:
    """Return the best batch sizes of engine and captum."""
    device = faces.images.device.type
    ours = tuned("engine", ENGINE_BATCHES[device], partial(engine, faces.first(FEW), OCCLUDERS[0]))
    return ours, tuned("captum", CAPTUM_BATCHES[device], partial(captum, faces, OCCLUDERS[0]))


def _seconds(faces: Faces, number: int, occluder: Occluder, batch_size: int) -> float:
    return number * CENTRES / engine(faces.first(number), occluder, batch_size)


def _images(faces: Faces, batch_size: int) -> int:
    """Return how many images the engine does in the seconds of a repeat, what it takes to begin left out."""
    few, more = (_seconds(faces, number, OCCLUDERS[0], batch_size) for number in (FEW, 4 * FEW))
    each = (more - few) / (3 * FEW)
    return max(2 * FEW, min(ALL, int(REPEAT_SECONDS / max(each, 1e-6))))


def _row(faces: Faces, numbers: tuple[int, int], occluder: Occluder, batch_sizes: tuple[int, int]) -> Row:
    few, many = numbers
    rates = compare(faces.first(many), occluder, batch_sizes, REPEATS if few else 1)
    shorter = _seconds(faces, few, occluder, batch_sizes[0]) if few else 0.0
    longer = many * CENTRES / statistics.median(rates.engine)
    each = (longer - shorter) / (many - few)
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

"""Part of the check of a card: occlusion maps by the engine and by captum, and the engine against the dense way.

A call of the engine has a start that does not depend on the number of images: the network is traced, and each class of
windows is computed at least once. What an image takes is the difference of calls on few and on many images, and the
time of the paper's 1,000 images is extrapolated from both. How many classes there are is the plan's choice, by what a
class costs beside its arithmetic: rows of starts show other choices, by a first call and a second, of known shapes.
"""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import torch

from callbacks.occlusion_sensitivity import occlusion_maps
from callbacks.occlusion_sensitivity.centres import centres
from callbacks.occlusion_sensitivity.engine import BATCH_SIZES
from callbacks.occlusion_sensitivity.maps import MEMORY
from callbacks.occlusion_sensitivity.plan import CHUNK_COST, make_plan
from callbacks.occlusion_sensitivity.trace import trace
from experiments.benchmarks.benchmark import now, seconds
from experiments.benchmarks.device_profile import events_of, longest_on_cpu, longest_operations, profiler
from experiments.benchmarks.gpu_rows import PartRows, Row
from experiments.benchmarks.occlusion_map_speed import (
    CAPTUM_BATCHES,
    CENTRES,
    OCCLUDERS,
    SIZE,
    Faces,
    Occluder,
    captum,
    random_faces,
    tuned,
)

ALL = 1000
"""Images of the paper's map."""
FEW, MANY = 8, 52
"""Images that are measured: the difference is what images take once a map has begun. It is a whole number of blocks of
11 and of 4, as many as the memory for what is kept of an image allows: each block computes every class of windows."""
REPEATS = 2
ENGINE_BATCH = BATCH_SIZES["incremental"]
"""The engine's defaults."""
OTHER_BATCH = {"cpu": 128, "cuda": 8192}
"""That might be a better one."""
CHUNK_COSTS = {"cpu": (CHUNK_COST["cpu"],), "cuda": (CHUNK_COST["cuda"], 1.5e10, CHUNK_COST["cpu"])}
"""Of a class of windows, in multiply-adds, that are tried; what a processor has comes last: it takes seconds a call."""
NAMED = 6
"""Operations of a profile."""


def run(rows: PartRows, device: torch.device, small: bool) -> None:
    """Measure each occluder, compare scores with the dense way's, and say what a start takes."""
    faces, stride = random_faces(2 if small else MANY, 0.0625 if small else 1.0, device), 5 if small else 1
    few = faces.first(1 if small else FEW)
    _engine(few, OCCLUDERS[0], stride)  # warm
    batch_sizes = (8,) if small else CAPTUM_BATCHES[device.type][1:]
    theirs = tuned("captum", batch_sizes, partial(captum, faces, OCCLUDERS[0]))
    for occluder in OCCLUDERS[:1] if small else OCCLUDERS:
        name = {"what": f"{occluder[0]} × {occluder[1]}", "images": len(faces.images)}
        rows.add(name, partial(_row, faces, few, occluder, theirs, stride))
    for tf32 in (True, False):
        name = {"what": f"20 × 20, TF32 {'allowed' if tf32 else 'off'}, against the dense way", "images": 2}
        rows.add(name, partial(_difference, faces.first(2), tf32, 25 if small else 5))
    rows.add_all({"what": "profile of a call, 20 × 20"}, partial(_profile, faces.first(2), stride))
    other = OTHER_BATCH[device.type]
    name = {"what": f"20 × 20, batches of {other:,}", "images": len(faces.images)}
    rows.add(name, partial(_other_batch, faces, other, stride))
    for cost in CHUNK_COSTS[device.type]:
        name = {"what": f"start, 20 × 20, a class as dear as {cost:.3g}", "images": len(few.images)}
        rows.add(name, partial(_start, few, cost, stride))


def _engine(faces: Faces, occluder: Occluder, stride: int, batch_size: int | None = None) -> float:
    """Return the seconds of a call of the engine: maps of all images, whole ones at a stride of 1."""
    batch_size = batch_size or ENGINE_BATCH[faces.images.device.type]
    return seconds(partial(occlusion_maps, *faces, occluder_size=occluder, batch_size=batch_size, stride=stride))


def _row(faces: Faces, few: Faces, occluder: Occluder, captum_batch: int, stride: int) -> Row:
    first, many, places = len(few.images), len(faces.images), len(centres(SIZE, stride)) ** 2
    _engine(few, occluder, stride)  # the shapes of this occluder's windows
    shorter = statistics.median(_engine(few, occluder, stride) for _ in range(REPEATS))
    longer = _engine(faces, occluder, stride)
    theirs = statistics.median(captum(faces, occluder, captum_batch) for _ in range(REPEATS))
    each = (longer - shorter) / (many - first)
    return {
        "engine": many * places / longer,
        "engine, begun": places / each,
        "captum": theirs,
        "ratio": many * places / longer / theirs,
        "s to begin": shorter - first * each,
        f"s for {ALL:,} images": longer + (ALL - many) * each,
        "batch sizes": f"{ENGINE_BATCH[faces.images.device.type]} and {captum_batch}",
    }


def _other_batch(faces: Faces, batch_size: int, stride: int) -> Row:
    """Return the rate of a second call, which knows the shapes."""
    _, taken = (_engine(faces, OCCLUDERS[0], stride, batch_size) for _ in range(2))
    return {"engine": len(faces.images) * len(centres(SIZE, stride)) ** 2 / taken}


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


def _start(faces: Faces, cost: float, stride: int) -> Row:
    """Return the seconds of a first call and a second, and of the trace in them, where a class is as dear as that."""
    with patch.dict(CHUNK_COST, {faces.images.device.type: cost}):
        began = now()
        with torch.no_grad():
            module = trace(faces.network, faces.images[:1].repeat(2, 1, 1, 1))
        traced = now() - began
        plan = make_plan(module, OCCLUDERS[0], positions=CENTRES, largest_bank=MEMORY / 4)  # as the engine asks
        first, second = (_engine(faces, OCCLUDERS[0], stride) for _ in range(2))
    return {
        "classes": int((plan.classes[0].max() + 1) * (plan.classes[1].max() + 1)),
        "s of tracing": traced,
        "s of a first call": first,
        "s of a second call": second,
    }


def _profile(faces: Faces, stride: int) -> list[Row]:
    """Return what a second call on few images spends its time on, on the device and on the processor."""
    _, plain = (_engine(faces, OCCLUDERS[0], stride) for _ in range(2))
    with profiler() as profile:
        profiled = _engine(faces, OCCLUDERS[0], stride)
    events = events_of(profile)
    calls = [("a call, 20 × 20", plain), ("the same, profiled", profiled)]
    return [
        *({"what": what, "images": len(faces.images), "ms": 1e3 * taken} for what, taken in calls),
        *longest_operations(events, NAMED),
        *longest_on_cpu(events, NAMED),
    ]


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """Let convolutions and products round their inputs to ten bits, or not."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before

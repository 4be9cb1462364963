"""The parts of the check of a card, each run in a process of its own, which writes one JSON file after each row.

:mod:`experiments.benchmarks.gpu_check` starts ``python -m experiments.benchmarks.gpu_parts PART --out FILE …``.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from callbacks.run_files import write_json
from experiments.benchmarks import gpu_maps, gpu_tests, pipeline, throughput, triplet_mining_speed
from experiments.benchmarks.benchmark import hardware
from experiments.benchmarks.gpu_rows import PartRows
from experiments.cli.user_errors import main as run_command
from experiments.runs.run_record import versions


class Part(NamedTuple):
    """A part of the check."""

    run: Callable[[PartRows, torch.device, bool], None]
    """Adds rows, measured on a device, in small or not."""
    title: str
    limit: int
    """Seconds after which it is interrupted."""


PARTS = {
    "tests": Part(gpu_tests.run, "Tests marked `gpu`", 70),
    "triplets": Part(triplet_mining_speed.run, "Mining, triplet losses and their gradients", 15),
    "loader": Part(pipeline.run, "From JPEG files to the first layer's output", 20),
    "maps": Part(gpu_maps.run, "Occlusion maps of CASIA-Net, positions per second", 60),
    "training": Part(throughput.run, "Training, not compiled", 75),
    "compiled": Part(throughput.run_compiled, "Training, compiled", 105),
}
"""In the order in which they are run: first what is quick, last what the compiler makes unsure."""


def main(args: Sequence[str]) -> None:
    """Run one part; its file has all rows so far, and says whether it is complete."""
    options = _parse(args)
    device = torch.device(options.device)
    part, began = PARTS[options.part], time.monotonic()
    about = {
        "part": options.part,
        "title": part.title,
        "device": options.device,
        "small": options.small,
        "card": hardware(device),
        "machine": f"{os.cpu_count()} cores; {versions()}",
        "commit": options.commit,
    }

    def save(*, complete: bool = False) -> None:
        so_far = {"seconds": round(time.monotonic() - began, 1), "failed": rows.failed, "rows": rows.rows}
        write_json(options.out, {**about, "complete": complete, **so_far})

    rows = PartRows(options.limit or part.limit, save)
    with rows.interrupted():
        part.run(rows, device, options.small)
    save(complete=True)


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", choices=("cuda", "cpu"), required=True)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--limit", type=float, help="seconds, by default the part's own")
    parser.add_argument("--commit", default="unknown")
    return parser.parse_args(args)


if __name__ == "__main__":
    run_command(main)

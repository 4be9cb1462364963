"""The parts of the check of a card, each run in a process of its own, which writes one JSON file after each row.

:mod:`experiments.benchmarks.gpu_check` starts ``python -m experiments.benchmarks.gpu_parts PART --out FILE …``.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import torch

from callbacks.run_files import write_json
from experiments.benchmarks.benchmark import hardware
from experiments.benchmarks.gpu_rows import PartRows
from experiments.cli.user_errors import main as run_command
from experiments.runs.run_record import versions


class Part(NamedTuple):
    """A part of the check."""

    module: str
    """Of the benchmarks; it is imported where it is run: all of them take ten seconds."""
    title: str
    limit: int
    """Seconds after which it is interrupted."""
    function: str = "run"

    def load(self) -> Callable[[PartRows, torch.device, bool], None]:
        """Return what adds rows, measured on a device, in small or not."""
        run: Callable[[PartRows, torch.device, bool], None]
        run = getattr(import_module(f"experiments.benchmarks.{self.module}"), self.function)
        return run


PARTS = {
    "tests": Part("gpu_tests", "Tests marked `gpu`", 75),
    "triplets": Part("triplet_mining_speed", "Mining, triplet losses and their gradients", 15),
    "loader": Part("pipeline", "From JPEG files to the first layer's output", 20),
    "maps": Part("gpu_maps", "Occlusion maps of CASIA-Net", 85),
    "layers": Part("gpu_layers", "A step of SOIDN by operations, and its layers computed in other ways", 30),
    "training": Part("throughput", "Training, not compiled", 75),
    "compiled": Part("throughput", "Training, compiled", 85, "run_compiled"),
}
"""In the order in which they are run: first what is quick, last what the compiler makes unsure."""


def main(args: Sequence[str]) -> None:
    """Run one part; its file has all rows so far, and says whether it is complete."""
    options = _parse(args)
    device = torch.device(options.device)
    part = PARTS[options.part]
    run, began = part.load(), time.monotonic()
    about = {
        "part": options.part,
        "title": part.title,
        "device": options.device,
        "small": options.small,
        "chosen": options.rows,
        "card": hardware(device),
        "machine": f"{os.cpu_count()} cores; {versions()}",
        "commit": options.commit,
    }

    def save(*, complete: bool = False) -> None:
        so_far = {"seconds": round(time.monotonic() - began, 1), "failed": rows.failed, "rows": rows.rows}
        write_json(options.out, {**about, "complete": complete, **so_far})

    rows = PartRows(options.limit or part.limit, save, options.rows)
    with rows.interrupted():
        run(rows, device, options.small)
    save(complete=True)


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", choices=("cuda", "cpu"), required=True)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--limit", type=float, help="seconds, by default the part's own")
    parser.add_argument("--commit", default="unknown")
    parser.add_argument("--rows", nargs="+", default=[], help="words: only rows whose names have one of them")
    return parser.parse_args(args)


if __name__ == "__main__":
    run_command(main)
    sys.stdout.flush()
    os._exit(0)  # all is written: threads and processes of libraries, that a card's driver may hold, are not waited for

"""Kills trainings at random moments, lets them go on, and compares their last weights with an undisturbed training's.

``python -m tests.at_scale.kill_and_resume`` trains SOIDN, model C (batch triplets) and model A_20×20, whose map
is made anew while it trains, on few generated faces, with dropout and with checkpoints inside epochs. Every second
kill waits until a checkpoint is being written. Temporary files are on another file system, ``--temporary``.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.seams.occlusion_map_file import OcclusionMap
from datamodules.whole_file import MACHINE
from experiments.cli import run
from experiments.cli.arguments import Parser, count
from experiments.cli.user_errors import main as run_command
from tests.at_scale.tiny_trainings import OCCLUDER, SYSTEMS, training_args

LAST = Path("run/checkpoints/last.ckpt")
MAP_SIDE = 50
CONTEXT = get_context("forkserver")


class Trial(NamedTuple):
    """A training that was killed once."""

    system: str
    after: float
    """Seconds from its start until the kill, or until it waited for the next checkpoint."""
    writing: bool
    """Whether a checkpoint was being written."""
    batches: int
    """That its last checkpoint had behind it; 0 where there was none."""
    different: int
    """Tensors in which its last weights differ from those of the undisturbed training."""


def trials(system: str, kills: int, folder: Path, chance: random.Random) -> Iterator[Trial]:
    """Train once undisturbed, and then as often as asked with a kill, each in a folder of its own.

    Args:
        system: One of ``SYSTEMS``.
        kills: How many.
        folder: Where the runs are kept.
        chance: When they are killed.

    Raises:
        RuntimeError: If a training fails that nobody has killed.
    """
    whole = folder / "whole"
    began = time.monotonic()
    _finish(system, whole)
    lasts = time.monotonic() - began
    wanted = _weights(whole)
    for number in range(kills):
        killed, writing = folder / f"killed-{number}", number % 2 == 0
        after = chance.uniform(0.2, 0.9) * lasts
        while not _killed(system, killed, after, while_writing=writing):  # it was quicker than the first
            shutil.rmtree(killed)
            after *= 0.7
        saved = killed / LAST
        batches = torch.load(saved, weights_only=True)["global_step"] if saved.exists() else 0
        _finish(system, killed)
        found = _weights(killed)
        different = sum(not torch.equal(weight, found[name]) for name, weight in wanted.items())
        yield Trial(system, after, writing, batches, different)


def _killed(system: str, folder: Path, after: float, *, while_writing: bool) -> bool:
    """Kill a training so many seconds after its start, or while it then writes the next checkpoint, unless it ends."""
    process = _start(system, folder)
    process.join(after)
    unfinished = (folder / LAST).with_name(f".{LAST.name}.{MACHINE}.tmp")
    writing = False
    while while_writing and process.is_alive() and not (writing := unfinished.exists()):
        pass  # a checkpoint of some megabytes is written within milliseconds
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL and writing == while_writing


def _finish(system: str, folder: Path) -> None:
    process = _start(system, folder)
    process.join()
    if process.exitcode:
        raise RuntimeError(f"Expected {system} to train in {folder}, got exit status {process.exitcode}")


def _start(system: str, folder: Path) -> ForkServerProcess:
    if not folder.exists():
        folder.mkdir(parents=True)
        corner = np.zeros((MAP_SIDE, MAP_SIDE), np.float32)
        corner[:10, :10] = 1
        grey = np.full(3, 127.5, np.float32)
        OcclusionMap(corner, OCCLUDER, grey, 1, np.arange(1), "none", "none").save(folder / "map.npz")
    resume = [f"--ckpt_path={LAST}"] if (folder / LAST).exists() else []
    args = [*training_args(system), *resume]
    process = CONTEXT.Process(target=_train, args=(folder, args))
    process.start()
    return process


def _train(folder: Path, args: Sequence[str]) -> None:
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(folder)
    torch.set_num_threads(1)
    run(["fit", *args])


def _weights(folder: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(folder / LAST, weights_only=True)["state_dict"]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, print a line for each kill, and return how many trainings ended with other weights."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=count, default=20, help="of all systems together")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--temporary", default="/dev/shm", help="folder for temporary files")  # noqa: S108  # another disk
    parser.add_argument("--seed", type=int, default=0)
    options: Any = parser.parse_args(arguments)
    os.environ |= {"TMPDIR": options.temporary, "WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1"}
    CONTEXT.set_forkserver_preload(["experiments.cli"])
    chance, found = random.Random(options.seed), []  # noqa: S311  # no secret
    with TemporaryDirectory(dir=Path.cwd()) as folder:
        for number, system in enumerate(options.systems):
            kills = len(range(number, options.kills, len(options.systems)))
            for trial in trials(system, kills, Path(folder) / str(number), chance):
                found.append(trial)
                where = "while it wrote a checkpoint" if trial.writing else "at random"
                print(
                    f"{trial.system}: killed {where} after {trial.after:.1f} s, went on from batch {trial.batches}: "
                    f"{trial.different or 'no'} tensors differ",
                    flush=True,
                )
    same = sum(not trial.different for trial in found)
    print(f"{same} of {len(found)} bit-identical")
    return len(found) - same


if __name__ == "__main__":
    run_command(lambda arguments: sys.exit(main(arguments)))

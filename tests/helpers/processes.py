"""Commands and code in processes of their own, one or several that work together.

They are forked from a server that has imported the suite already: a new Python would need seconds for that.
"""

import os
import runpy
import sys
import warnings
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch
from lightning_fabric.plugins.environments.lightning import find_free_network_port
from lightning_utilities.core.rank_zero import rank_zero_only
from torch import distributed

ROOT = Path(__file__).parents[2]
CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["experiments.cli", "tests.helpers.processes"])


def run_module(module: str, *args: str, status: int = 0) -> str:
    """Run ``python -m module`` to the end, expect its exit status and return what it wrote to stderr."""
    (said,) = _run([(_run_module, (module, args), {})], status)
    return said


def run_module_in_two(module: str, *args: str) -> None:
    """Run ``python -m module`` as both processes of one group, as torchrun would start them."""
    run_module_in(2, module, *args)


def run_module_in(processes: int, module: str, *args: str, status: int = 0) -> list[str]:
    """Run ``python -m module`` as all processes of one group and return what each wrote to stderr."""
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(find_free_network_port())}
    return _run(
        [(_run_module, (module, args), {**group, "LOCAL_RANK": str(rank)}) for rank in range(processes)], status
    )


def run_in_two(code: str, folder: Path) -> None:
    """Run code in two processes of one gloo group; see :func:`run_in`."""
    run_in(2, code, folder)


def run_in(processes: int, code: str, folder: Path) -> None:
    """Run code in processes of one gloo group; it knows its ``rank``, ``folder``, ``torch`` and ``distributed``.

    Warnings are errors.
    """
    _run([(_run_code, (code, folder, rank, processes), {}) for rank in range(processes)])


def _run(calls: Sequence[tuple[Callable[..., None], tuple[Any, ...], dict[str, str]]], status: int = 0) -> list[str]:
    """Run functions beside each other, with additions to the environment, and return what each wrote to stderr."""
    start_server()
    with TemporaryDirectory() as folder:
        files = [Path(folder) / str(number) for number in range(len(calls))]
        running = []
        for file, (function, args, more) in zip(files, calls, strict=True):
            here = (str(file), str(Path.cwd()), {**os.environ, **more})
            running.append(CONTEXT.Process(target=_enter, args=(*here, function, args)))
            running[-1].start()
        try:
            for process in running:
                process.join(400)
            said = [file.read_text() for file in files]
            assert [process.exitcode for process in running] == [status] * len(running), "\n".join(said)
        finally:
            for process in running:
                process.kill()
    return said


def start_server() -> None:
    """Start the server, once, where it finds the suite."""
    with patch.dict(os.environ, PYTHONPATH=str(ROOT)):
        ensure_running()


def _enter(errors: str, folder: str, environment: dict[str, str], function: Callable[..., None], args: Any) -> None:
    for path, descriptor in ((os.devnull, 1), (errors, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    # read by an import that the server has done
    vars(rank_zero_only)["rank"] = int(environment.get("LOCAL_RANK", 0))
    function(*args)


def _run_module(module: str, args: Sequence[str]) -> None:
    sys.argv = [module, *args]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _run_code(code: str, folder: Path, rank: int, processes: int) -> None:
    warnings.simplefilter("error")
    meeting = f"file://{folder}/meeting{processes}"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=processes)
    exec(code, {"rank": rank, "folder": str(folder), "torch": torch, "distributed": distributed})  # noqa: S102  a test's own
    distributed.destroy_process_group()

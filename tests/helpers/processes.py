"""Commands and code in processes of their own, one or two that work together."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

CODE = """
import sys, torch
from torch import distributed
rank, folder = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
distributed.init_process_group("gloo", init_method=f"file://{{folder}}/meeting", rank=rank, world_size=2)
{code}
distributed.destroy_process_group()
"""


def run_module(module: str, *args: str, status: int = 0) -> str:
    """Run ``python -m module`` to the end, expect its exit status and return what it wrote to stderr.

    PYTHONPATH must hold :data:`ROOT`.
    """
    command = [sys.executable, "-m", module, *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)  # noqa: S603  our own code
    assert done.returncode == status, done.stderr
    return done.stderr


def run_in_two(code: str, folder: Path) -> None:
    """Run code in two processes of one gloo group; it knows its ``rank``, ``folder``, ``torch`` and ``distributed``.

    PYTHONPATH must hold :data:`ROOT`. Warnings are errors.
    """
    whole = CODE.format(code=code)
    commands = [[sys.executable, "-W", "error", "-c", whole, str(rank), str(folder)] for rank in range(2)]
    running = [subprocess.Popen(c, stderr=subprocess.PIPE, text=True) for c in commands]  # noqa: S603  our own code
    try:
        for process in running:
            _, errors = process.communicate(timeout=150)
            assert process.returncode == 0, errors
    finally:
        for process in running:
            process.kill()

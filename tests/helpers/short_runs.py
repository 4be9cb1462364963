"""Reproductions in processes of their own, whose trainings are short: a script in the place of each."""

import os
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from unittest.mock import patch

import yaml

from experiments.cli.user_errors import main
from experiments.reproduce import reproduce
from tests.helpers.processes import CONTEXT, start_server

STARTS = "starts.txt"
"""In the folder that reproductions are run in: a line for each training that has begun, and one when it has ended.

A training goes on when so many have begun as ``TOGETHER`` says, when there is a file of the name that ``UNTIL`` says,
and after ``SHORT_RUN`` seconds: so tests order what happens, and do not depend on who is faster.
"""
SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path

def note(line):
    with open("starts.txt", "a") as file:
        file.write(line + "\\n")

def stop(*_):
    note(f"stopped {folder}")
    sys.exit(143)

signal.signal(signal.SIGTERM, stop)
logger = json.loads(next(word for word in sys.argv if word.startswith("--trainer.logger=")).split("=", 1)[1])[0]
folder = Path(logger["init_args"]["save_dir"], logger["init_args"]["name"])
note(f"begun {folder}")
print("a line of the training's own", flush=True)
while Path("starts.txt").read_text().count("begun ") < int(os.environ.get("TOGETHER", "1")):
    time.sleep(0.02)
while "UNTIL" in os.environ and not Path(os.environ["UNTIL"]).exists():
    time.sleep(0.02)
time.sleep(float(os.environ.get("SHORT_RUN", "0.1")))
if os.environ.get("FAILING_RUN", "-") in str(folder):
    sys.exit("error: it diverged")
(folder / "checkpoints").mkdir(parents=True, exist_ok=True)
(folder / "checkpoints/last.ckpt").write_text(folder.name)
(folder / "metrics.json").write_text(json.dumps({"metrics": {"test/rank1/occluded": 0.5}}))
(folder / "history.json").write_text(json.dumps([{"epoch": 1, "seconds": 2.5}]))
note(f"ended {folder}")
"""
DECLARED = {
    "title": "Mine",
    "source": "none",
    "seeds": [0, 1],
    "rows": {
        "trunk": {"name": "Trunk", "system": "trunk"},
        "baseline": {"name": "Baseline", "system": "baseline", "starts_from": "trunk"},
    },
    "tables": [
        {
            "title": "Table",
            "rows": ["trunk", "baseline"],
            "columns": [{"name": "rank-1", "measures": ["test/rank1/occluded"]}],
        }
    ],
}


def declare(folder: Path) -> Path:
    """Write a paper of two rows and two seeds, one of which depends on the other."""
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(DECLARED))
    return path


def started(*args: str, **environment: str) -> ForkServerProcess:
    """Begin a reproduction with a command line, in this folder; what it says goes into a file of its number."""
    start_server()
    process = CONTEXT.Process(target=_reproduce, args=(str(Path.cwd()), args, {**os.environ, **environment}))
    process.start()
    return process


def said(process: ForkServerProcess) -> str:
    """Return what a reproduction has written."""
    path = Path(f"said-{process.pid}.txt")
    return path.read_text() if path.exists() else ""


def events(kind: str) -> list[str]:
    """Return what has ``begun``, ``ended`` or ``stopped``, in order."""
    lines = Path(STARTS).read_text().splitlines() if Path(STARTS).exists() else []
    return [line.split()[1] for line in lines if line.startswith(kind)]


def until(condition: Callable[[], bool], seconds: float = 200) -> None:
    """Wait for what is to come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def short_python(module: str, args: list[str]) -> list[str]:
    """Return the words that run the script in the place of a training."""
    return [sys.executable, "-I", "-S", "-c", SCRIPT, *args]


def _reproduce(folder: str, args: tuple[str, ...], environment: dict[str, str]) -> None:
    os.chdir(folder)
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(f"said-{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT)
    for number in (1, 2):
        os.dup2(output, number)
    with patch("experiments.runs.process.python", short_python):
        main(reproduce, args)

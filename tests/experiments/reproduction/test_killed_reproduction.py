"""A reproduction that is killed and started again reports what an undisturbed one does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.reproduce import reproduce
from experiments.runs.process import Processes
from tests.experiments.conftest import Options
from tests.helpers.processes import ROOT, run_module

DECLARED = {
    "title": "Mine",
    "source": "none",
    "seeds": [0],
    "rows": {
        "trunk": {"name": "Trunk", "system": "trunk", "changes": {"model.init_args.dropout": 0.5}},
        "baseline": {"name": "Baseline", "system": "baseline", "starts_from": "trunk"},
        "alone": {"name": "Alone", "system": "baseline"},
    },
    "tables": [
        {
            "title": "Table",
            "rows": ["trunk", "baseline", "alone"],
            "columns": [{"name": "rank-1", "measures": ["test/rank1/occluded"]}],
        }
    ],
}


@pytest.fixture
def declared(alone: Path) -> Path:
    path = alone / "mine.yaml"
    path.write_text(yaml.safe_dump(DECLARED))
    return path


def arguments(declared: Path, tiny: Options) -> list[str]:
    options = [*tiny, "--trainer.max_epochs=3", "--trainer.enable_progress_bar=true", "--reserve=0.01"]
    return [str(declared), "--rows", "baseline", *options]


def results(folder: Path) -> dict[str, Any]:
    """Return what a reproduction measured, without times."""
    found = {}
    for path in (folder / "runs").rglob("record.json"):
        record = json.loads(path.read_text())
        history = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in record["history"]]
        found[path.parent.parent.name] = (record["status"], record["measures"], history)
    return found


@pytest.mark.slow
def test_killed_and_started_again_it_reports_what_an_undisturbed_run_does(
    declared: Path, tiny: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    args = arguments(declared, tiny)
    with monkeypatch.context() as undisturbed:
        undisturbed.chdir(whole)
        undisturbed.setattr(Processes, "call", lambda self, module, args, log, lock: run_module(module, *args))
        reproduce(args)

    words = [sys.executable, "-m", "experiments.reproduce", *args]
    process = subprocess.Popen(words, cwd=killed, stdout=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    deadline = time.monotonic() + 400
    while not list(killed.rglob("runs/trunk/*/checkpoints/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)  # jobs and all, in the middle of an epoch
    process.wait()
    assert results(killed) == {}
    assert list(killed.rglob("runs/trunk/*/checkpoints/last.ckpt"))

    with monkeypatch.context() as again:
        again.chdir(killed)
        reproduce(args)
    assert results(killed) == results(whole)
    assert {status for status, *_ in results(whole).values()} == {"done"}
    for folder in (whole, killed):
        assert (folder / "runs/reproduce/mine/report.html").stat().st_size > 0

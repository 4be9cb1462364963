"""Evaluation by two processes gives the figures of one: no face is lost, none counted twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.cli import run
from experiments.launch import CONFIGS
from tests.experiments.conftest import Options


def metrics(folder: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads((folder / "metrics.json").read_text())["metrics"]
    return found


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_measure_what_one_does(tiny: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 3 people × 3 images × 7 conditions = 63 faces: two processes repeat one
    options = [f"--config={CONFIGS}/soidn_demo.yaml", *tiny, "--data.init_args.images_per_unseen=3"]
    fitted = run(["fit", *options])
    assert fitted.trainer.log_dir is not None
    checkpoint = f"--ckpt_path={fitted.trainer.log_dir}/checkpoints/last.ckpt"
    monkeypatch.setenv("PYTHONPATH", str(CONFIGS.parent.parent))
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    two = ["--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.logger.init_args.name=two"]
    command = [sys.executable, "-m", "experiments.train", "test", *options, checkpoint, *two]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603  our own command line
    assert done.returncode == 0, done.stderr
    (written,) = set(tmp_path.rglob("metrics.json")) - {Path(fitted.trainer.log_dir).resolve() / "metrics.json"}
    assert metrics(written.parent) == pytest.approx(metrics(Path(fitted.trainer.log_dir)), abs=1e-6)

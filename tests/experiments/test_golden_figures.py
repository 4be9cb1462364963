"""A tiny training measures what it always has: figures change by intention alone.

The stored figures were made with torch 2.15 on an x86-64 processor; they are made anew, after a change that is meant to
change them, by ``python -m tests.experiments.test_golden_figures``.
"""

import csv
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from experiments.launch import launch
from tests.experiments.conftest import Options

GOLDEN = Path(__file__).parent / "golden"
FACES = {"num_identities": 8, "images_per_identity": 10, "num_workers": 0}
OPTIONS = [
    *(f"--data.init_args.source.init_args.{key}={value}" for key, value in FACES.items()),
    "--data.init_args.split.min_images=10",
    "--data.init_args.split.validation_share=0.4",
    "--data.init_args.loading.batch_size=8",
    "--data.init_args.loading.evaluation_batch_size=64",
    "--data.init_args.split.num_unseen=3",
    "--trainer.max_epochs=2",
    "--trainer.log_every_n_steps=1",
    "--trainer.accelerator=cpu",
]
SYSTEMS = {"soidn": "SOIDN", "model_a_strategic": "Model A_20×20"}
LOSSES = 0.02  # relative: another processor rounds otherwise, and Adam carries that on over ten steps
FACES_OF_A_MEASURE = 0.12  # absolute: of 15 probes, one or two may then be taken for another


def found(system: str, options: Options) -> dict[str, float]:
    """Train a system, with what it starts from, and return its measures, those of the last epochs included."""
    launch([system, *options])
    for path in Path("runs").rglob("metrics.json"):
        written = json.loads(path.read_text())
        if written["system"] == SYSTEMS[system]:
            with (path.parent / "metrics.csv").open(newline="") as table:
                rows = list(csv.DictReader(table))
            last = {name: float(value) for row in rows for name, value in row.items() if "/" in name and value}
            return dict(sorted({**last, **written["metrics"]}.items()))
    raise AssertionError(f"no metrics of {system}")


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_tiny_training_measures_what_is_stored(system: str, faces_dir: Path) -> None:
    stored = json.loads((GOLDEN / f"{system}.json").read_text())
    measured = found(system, [*OPTIONS, f"--data.init_args.source.init_args.cache_dir={faces_dir}"])
    assert measured.keys() == stored.keys()
    losses = {name for name in stored if name.endswith("loss")}
    assert {name: measured[name] for name in losses} == pytest.approx({n: stored[n] for n in losses}, rel=LOSSES)
    others = stored.keys() - losses
    assert {name: measured[name] for name in others} == pytest.approx(
        {name: stored[name] for name in others}, rel=0.12, abs=FACES_OF_A_MEASURE
    )


def _store() -> None:
    os.environ["WANDB_MODE"] = "disabled"
    torch.set_num_threads(1)
    for system in sys.argv[1:] or SYSTEMS:
        with TemporaryDirectory() as folder:
            os.chdir(folder)
            text = json.dumps(found(system, [*OPTIONS, "--data.init_args.source.init_args.cache_dir=faces"]), indent=1)
        (GOLDEN / f"{system}.json").write_text(f"{text}\n")


if __name__ == "__main__":
    _store()

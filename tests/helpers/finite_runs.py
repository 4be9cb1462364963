"""What a run of a fit leaves, looked at for numbers that are none."""

import csv
import json
import math
from pathlib import Path


def check_finite(folder: Path) -> None:
    """Assert that the losses of a run, and the measures that it ends with, are there and finite."""
    rows = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
    losses = {key: float(value) for row in rows for key, value in row.items() if "loss" in key and value}
    assert "train/loss" in losses
    assert all(map(math.isfinite, losses.values())), losses
    measures = json.loads((folder / "metrics.json").read_text())["metrics"]
    assert measures
    assert None not in measures.values()  # what is not finite

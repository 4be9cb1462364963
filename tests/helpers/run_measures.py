"""What a run has measured, by its files."""

import csv
import json
from pathlib import Path


def metrics(folder: Path) -> dict[str, float]:
    """Return the measures of a run's evaluation."""
    found: dict[str, float] = json.loads((folder / "metrics.json").read_text())["metrics"]
    return found


def history(folder: Path) -> dict[str, list[float]]:
    """Return what was logged in training but the learning rates, by name, in its order."""
    rows = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
    return {key: [float(row[key]) for row in rows if row[key]] for key in rows[0] if not key.startswith("lr-")}

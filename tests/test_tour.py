"""The tour runs from its first cell to its last, and comes to what it says."""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOUR = ROOT / "docs/tour.ipynb"


@pytest.mark.slow
def test_the_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat, nbclient = (pytest.importorskip(name) for name in ("nbformat", "nbclient"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(TOUR, as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
    table = next(output.text for output in outputs if "rank-1" in output.get("text", ""))
    rows = {
        line.split()[0]: [float(value) for value in re.findall(r"\d+\.\d", line)] for line in table.splitlines()[1:]
    }
    assert set(rows) == {"none", "sunglasses", "scarf"}
    assert min(rank1 for rank1, *_ in rows.values()) > 10  # chance is 5
    assert min(accuracy for _, accuracy, *_ in rows.values()) > 55
    assert min(rows[name][2] for name in ("sunglasses", "scarf")) > 25

"""Fine-tuning with triplets on two processes is that on one with the same batches."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.processes import run_module, run_module_in_two


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, int], dict[str, Any]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    found = {}
    for loss, processes, chunk_size in (
        ("triplet", 1, 0),
        ("triplet", 2, 0),
        ("batch_triplet", 1, 0),
        ("batch_triplet", 2, 5),  # of 6 faces
    ):
        path = tmp_path / f"{loss}{processes}.pt"
        run = run_module_in_two if processes == 2 else run_module
        run("tests.helpers.train_triplets", str(path), str(processes), loss, str(chunk_size))
        found[loss, processes] = torch.load(path, weights_only=True)
    return found


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_train_as_one(trained: dict[tuple[str, int], dict[str, Any]]) -> None:
    for loss in ("triplet", "batch_triplet"):
        one, two = trained[loss, 1], trained[loss, 2]
        assert len(one["losses"]) == 20
        assert one["triplets"] == two["triplets"]
        assert min(one["triplets"]) > 0
        assert len(set(one["triplets"])) > 3  # a run in which something happens
        torch.testing.assert_close(one["losses"], two["losses"], rtol=1e-6, atol=0)
        for kind in ("gradients", "weights"):
            assert one[kind].keys() == two[kind].keys()
            for name, expected in one[kind].items():
                scale = float(expected.abs().max())
                assert scale > 0 or "normalize" in name, name
                torch.testing.assert_close(two[kind][name], expected, rtol=0, atol=1e-6 * scale)

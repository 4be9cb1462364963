"""Rows of an evaluation: every face once, in an order that no batch or process decides."""

from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks.row_collector import RowCollector, Rows
from datamodules.errors import DataError
from datamodules.seams.face_batch import FaceBatch
from tests.helpers.processes import run_in_two


def batch(index: list[int], occluder: list[str]) -> FaceBatch:
    labels = torch.tensor(index)
    images = torch.zeros(len(index), 3, 1, 1, dtype=torch.uint8)
    return FaceBatch(image=images, mask=images[:, 0], identity=labels // 2, index=labels, occluder=occluder)


def test_a_face_that_a_sampler_repeated_is_counted_once() -> None:
    collector = RowCollector()
    collector.update(batch([3, 1], ["none", "none"]), torch.tensor([3.0, 1.0]))
    collector.update(batch([1, 1], ["none", "cup"]), torch.tensor([-9.0, 7.0]))
    rows = collector.gather()
    assert rows is not None
    assert rows.occluder == ["cup", "none", "none"]
    assert rows.index.tolist() == [1, 1, 3]
    assert rows.value.tolist() == [7.0, 1.0, 3.0]


def test_gathering_forgets() -> None:
    collector = RowCollector()
    collector.update(batch([0], ["none"]), torch.zeros(1))
    assert collector.gather() is not None
    assert collector.gather() is None


def test_selection_keeps_rows_together() -> None:
    collector = RowCollector()
    collector.update(batch([0, 2, 4], ["none", "cup", "none"]), torch.tensor([0.0, 2.0, 4.0]))
    rows = collector.gather()
    assert rows is not None
    clean = rows.of("none")
    assert (clean.index.tolist(), clean.identity.tolist(), clean.value.tolist()) == ([0, 4], [0, 2], [0.0, 4.0])


def test_rows_are_the_same_wherever_values_were_computed(device: torch.device) -> None:
    collector = RowCollector()
    images = {**batch([3, 1], ["none", "cup"])}
    moved = FaceBatch(**{k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in images.items()})  # type: ignore[typeddict-item]  # the same keys
    collector.update(moved, torch.tensor([3.0, 1.0], device=device))
    rows = collector.gather()
    assert rows is not None
    assert (rows.index.tolist(), rows.value.tolist(), rows.value.device.type) == ([1, 3], [1.0, 3.0], "cpu")


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_an_embedding_that_is_not_finite_is_refused_and_its_face_named(bad: float) -> None:
    collector = RowCollector()
    collector.update({**batch([3, 1], ["none", "none"]), "name": ["c.png", "a.png"]}, torch.ones(2, 2))
    collector.update({**batch([3], ["cup"]), "name": ["c.png"]}, torch.tensor([[0.0, bad]]))
    with pytest.raises(
        DataError, match=r"^c.png under cup: expected a finite embedding, got NaN or infinity \(1 images"
    ):
        collector.gather()


def test_a_face_without_a_name_is_called_by_its_index() -> None:
    values = torch.tensor([[1.0], [torch.nan], [torch.nan]])
    with pytest.raises(DataError, match=r"^image 7: expected a finite embedding, got NaN or infinity \(2 images\)"):
        Rows(["none"] * 3, torch.tensor([5, 7, 9]), torch.arange(3), values)


def test_a_face_has_one_identity_under_a_condition() -> None:
    collector = RowCollector()
    collector.update(batch([2], ["none"]), torch.zeros(1))
    collector.update({**batch([2], ["none"]), "identity": torch.tensor([9])}, torch.zeros(1))
    with pytest.raises(DataError, match="image 2: expected one identity, got two under 'none'"):
        collector.gather()


GATHER = """
from callbacks.row_collector import RowCollector
collector = RowCollector()
for batch, value in torch.load(f"{folder}/given.pt", weights_only=False)[rank]:
    collector.update(batch, value)
rows = collector.gather()
torch.save((rows.occluder, rows.name, rows.index, rows.identity, rows.value), f"{folder}/{rank}.pt")
"""


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize("idle", [False, True], ids=["overlapping", "one-saw-nothing"])
def test_two_processes_gather_the_rows_of_one(tmp_path: Path, idle: bool) -> None:
    every: Any = {**batch([*range(7), 3], ["none"] * 7 + ["cup"]), "name": [f"größe {i}\n.png" for i in [*range(7), 3]]}
    value = torch.arange(16.0).view(8, 2)

    def share(*rows: int) -> tuple[FaceBatch, torch.Tensor]:
        """Return a batch of some rows."""
        chosen = {k: [v[i] for i in rows] if isinstance(v, list) else v[list(rows)] for k, v in every.items()}
        return FaceBatch(**chosen), value[list(rows)]  # type: ignore[typeddict-item]  # the same keys

    shares = [[share(*range(8))], []] if idle else [[share(0, 2, 4), share(6, 0)], [share(1, 3, 5, 7, 2)]]
    torch.save(shares, tmp_path / "given.pt")
    run_in_two(GATHER, tmp_path)
    alone = RowCollector()
    alone.update(every, value)
    rows = alone.gather()
    assert rows is not None
    for rank in range(2):
        occluder, name, *tensors = torch.load(tmp_path / f"{rank}.pt")
        assert (occluder, name) == (rows.occluder, rows.name)
        for found, expected in zip(tensors, (rows.index, rows.identity, rows.value), strict=True):
            assert torch.equal(found, expected)

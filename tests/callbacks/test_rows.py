"""Rows of an evaluation: every face once, in an order that no batch or process decides."""

import pytest
import torch

from callbacks.rows import RowCollector, Rows
from datamodules.errors import DataError
from datamodules.seams.face_batch import FaceBatch


def batch(index: list[int], occluder: list[str]) -> FaceBatch:
    labels = torch.tensor(index)
    images = torch.zeros(len(index), 3, 1, 1, dtype=torch.uint8)
    return FaceBatch(image=images, mask=images[:, 0], identity=labels // 2, index=labels, occluder=occluder)


def test_a_face_that_a_sampler_repeated_is_counted_once() -> None:
    collector = RowCollector()
    collector.add(batch([3, 1], ["none", "none"]), torch.tensor([3.0, 1.0]))
    collector.add(batch([1, 1], ["none", "cup"]), torch.tensor([-9.0, 7.0]))
    rows = collector.gather()
    assert rows is not None
    assert rows.occluder == ["cup", "none", "none"]
    assert rows.index.tolist() == [1, 1, 3]
    assert rows.value.tolist() == [7.0, 1.0, 3.0]


def test_gathering_forgets() -> None:
    collector = RowCollector()
    collector.add(batch([0], ["none"]), torch.zeros(1))
    assert collector.gather() is not None
    assert collector.gather() is None


def test_selection_keeps_rows_together() -> None:
    collector = RowCollector()
    collector.add(batch([0, 2, 4], ["none", "cup", "none"]), torch.tensor([0.0, 2.0, 4.0]))
    rows = collector.gather()
    assert rows is not None
    clean = rows.of("none")
    assert (clean.index.tolist(), clean.identity.tolist(), clean.value.tolist()) == ([0, 4], [0, 2], [0.0, 4.0])


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_an_embedding_that_is_not_finite_is_refused_and_its_face_named(bad: float) -> None:
    collector = RowCollector()
    collector.add({**batch([3, 1], ["none", "none"]), "name": ["c.png", "a.png"]}, torch.ones(2, 2))
    collector.add({**batch([3], ["cup"]), "name": ["c.png"]}, torch.tensor([[0.0, bad]]))
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
    collector.add(batch([2], ["none"]), torch.zeros(1))
    collector.add({**batch([2], ["none"]), "identity": torch.tensor([9])}, torch.zeros(1))
    with pytest.raises(DataError, match="image 2: expected one identity, got two under 'none'"):
        collector.gather()

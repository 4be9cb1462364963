"""Rows of an evaluation: every face once, in an order that no batch or process decides."""

import torch

from callbacks.rows import RowCollector
from datamodules.batch import FaceBatch


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

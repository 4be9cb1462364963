"""Masks of a protocol's own label maps: what is ignored is not covered."""

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.protocols import labelled_images
from datamodules.seams.face_source import UInt8Image
from experiments.evaluation.face_outputs import Computing
from experiments.evaluation.matching.face_comparison import Masks
from experiments.evaluation.matching.occluder_masks import occluder_masks
from tests.helpers.doubles import PlainSource


class Halves(PlainSource):
    """The left half is covered, the lower half is ignored."""

    def label_map(self, index: int) -> UInt8Image:
        labels = np.zeros(self.size, np.uint8)
        labels[:, : self.size[1] // 2] = 1
        labels[self.size[0] // 2 :] = 255
        return labels


def test_what_is_ignored_is_not_covered() -> None:
    protocol = labelled_images(Halves([2], size=(64, 64)))
    found = occluder_masks(Masks("labels", None), protocol, Computing(), digests=[], cache=None)
    assert found.shares().tolist() == [0.25, 0.25]
    mask = found.mask(0, 64)
    assert mask[:32, :32].all()
    assert not mask[32:].any()


def test_a_label_map_of_another_size_is_refused() -> None:
    class Small(Halves):
        def label_map(self, index: int) -> UInt8Image:
            return np.ones((8, 8), np.uint8)

    with pytest.raises(DataError, match="expected a label map of its image's size"):
        labelled_images(Small([1]))

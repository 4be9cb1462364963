"""Sources one after the other: every image is its own source's, people of two are two, drawn faces join real ones."""

from pathlib import Path

import numpy as np
import pytest

from datamodules import ImageShares, Loading, SegmentationDataModule
from datamodules.errors import DataError
from datamodules.occluders import OccluderMixture
from datamodules.sources import COFW, JoinedSources
from tests.helpers.doubles import PlainSource, RandomSquare
from tests.helpers.labelled_sets import write_masks


def test_images_keep_their_names_maps_and_people(tmp_path: Path) -> None:
    photographs, drawn = COFW(write_masks(tmp_path, 5)), PlainSource([2, 3], size=(64, 64))
    joined = JoinedSources([photographs, drawn, photographs])
    assert len(joined) == 15
    assert joined.identities.tolist() == [0, 1, 2, 3, 4, 5, 5, 6, 6, 6, 7, 8, 9, 10, 11]
    assert len(joined.identity_names) == 12
    for index in range(15):
        source, place = (drawn, index - 5) if 5 <= index < 10 else (photographs, index % 5)
        assert joined.name(index) == source.name(place)
        assert np.array_equal(joined.image(index), source.image(place))
        expected = photographs.label_map(place) if source is photographs else np.zeros((64, 64))
        assert np.array_equal(joined.label_map(index), expected)
    assert joined.landmarks(0) is None
    assert joined.landmarks(6) is not None
    with pytest.raises(IndexError):
        joined.image(15)
    with pytest.raises(DataError, match="Expected sources to join, got none"):
        JoinedSources([])


def test_a_batch_mixes_photographs_with_faces_that_are_covered(tmp_path: Path) -> None:
    joined = JoinedSources([COFW(write_masks(tmp_path, 12)), PlainSource([1] * 12, size=(64, 64))])
    square = OccluderMixture({"square": RandomSquare()}, {"square": 1.0})
    loading = Loading(batch_size=16, num_workers=0)
    data = SegmentationDataModule(
        joined, training_occluder=square, image_size=32, loading=loading, shares=ImageShares(0.1, 0.1)
    )
    (batch,) = list(data.train_dataloader())
    real = batch["index"] < 12
    assert real.any()
    assert (~real).any()
    assert ((batch["mask"] == 1).flatten(1).sum(1) >= 64).all()
    ignored = (batch["mask"] == 255).flatten(1).any(1)
    assert (ignored == real).all()

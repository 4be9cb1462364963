"""Label maps of another size: shares of what counts, by a slow loop; what is ignored stays so."""

import numpy as np
import pytest

from datamodules.seams.label_maps import resized_labels


def test_shares_of_what_counts_decide_as_a_loop_over_blocks_says() -> None:
    labels = np.random.default_rng(0).choice([0, 1, 255], (24, 24), p=[0.4, 0.3, 0.3]).astype(np.uint8)
    found = resized_labels(labels, 6)
    for row in range(6):
        for column in range(6):
            block = labels[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            ignored, covered = (block == 255).sum(), (block == 1).sum()
            expected = 255 if ignored > 8 else int(2 * covered >= 16 - ignored)
            assert found[row, column] == expected


@pytest.mark.parametrize("size", [5, 16, 24, 40])
def test_without_an_ignored_pixel_half_of_a_pixel_decides(size: int) -> None:
    labels = np.zeros((24, 24), np.uint8)
    labels[:, 12:] = 3  # any other value is an occluder
    found = resized_labels(labels, size)
    assert set(np.unique(found)) == {0, 1}
    assert abs(float(found.mean()) - 0.5) <= 0.5 / size + 1e-6


@pytest.mark.parametrize("value", [0, 1, 255])
def test_a_map_of_one_value_stays_one_at_any_size(value: int) -> None:
    for size in (1, 7, 24, 61):
        assert (resized_labels(np.full((24, 18), value, np.uint8), size) == value).all()

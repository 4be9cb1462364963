"""A protocol is refused where its indices point nowhere or a probe shows nobody that is enrolled."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.evaluation_protocol import EvaluationProtocol, Identification, VerificationPairs
from tests.helpers.doubles import PlainSource

SOURCE = PlainSource([2, 1, 2])


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def pairs(**changes: Any) -> VerificationPairs:
    arrays = {"first": ints(0, 2), "second": ints(1, 3), "same": np.array([True, False]), "fold": ints(0, 1)}
    return VerificationPairs(**{**arrays, **changes})


def test_pairs_and_folds_are_counted() -> None:
    assert (len(pairs()), pairs().folds) == (2, 2)
    assert pairs(fold=ints(0, 0)).folds == 1


def test_refuses_an_impostor_pair_of_one_identity() -> None:
    wrong = pairs(first=ints(0, 3), second=ints(1, 4))
    with pytest.raises(DataError, match="expected two identities in an impostor pair, got image-3 and image-4, both"):
        EvaluationProtocol("p", SOURCE, {"all": wrong})


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("second", ints(1)),
        ("second", np.array([1, 3], dtype=np.int32)),
        ("first", ints(0, 2).reshape(2, 1)),
        ("same", ints(1, 0)),
        ("fold", [0, 1]),
    ],
)
def test_refuses_pairs_of_another_type_or_shape(name: str, array: object) -> None:
    with pytest.raises(ValueError, match=rf"Expected `{name}` to be an array of (int64|bool) of shape \(2,\), got"):
        pairs(**{name: array})


@pytest.mark.parametrize("fold", [ints(0, 2), ints(1, 1), ints(-1, 0)])
def test_refuses_empty_folds(fold: NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match="Expected folds 0 to F - 1, each with a pair, got folds"):
        pairs(fold=fold)


def test_refuses_what_compares_nothing() -> None:
    empty = ints()
    with pytest.raises(ValueError, match="Expected at least one pair, got none"):
        VerificationPairs(empty, empty, np.zeros(0, np.bool_), empty)
    with pytest.raises(ValueError, match="Expected at least one image in `probes`, got none"):
        Identification(ints(0), empty)
    with pytest.raises(DataError, match="mine: expected pairs or probes, got no condition"):
        EvaluationProtocol("mine", SOURCE)


@pytest.mark.parametrize("index", [5, -1])
def test_refuses_indices_beyond_the_source(index: int) -> None:
    with pytest.raises(DataError, match=f"mine: scarf: expected images 0 to 4 of its source, got {index}"):
        EvaluationProtocol("mine", SOURCE, {"scarf": pairs(second=ints(1, index))})
    with pytest.raises(DataError, match=f"mine: scarf: expected images 0 to 4 of its source, got {index}"):
        EvaluationProtocol("mine", SOURCE, {}, {"scarf": Identification(ints(0, 2), ints(1, index))})


def test_refuses_a_probe_of_an_identity_that_is_not_enrolled() -> None:
    with pytest.raises(
        DataError, match="all: expected a gallery image of 'identity-2', which probe image-3 shows, got"
    ):
        EvaluationProtocol("mine", SOURCE, {}, {"all": Identification(ints(0, 2), ints(1, 3, 4))})


@pytest.mark.parametrize(
    ("gallery", "probes"), [(ints(0, 3), ints(1, 3)), (ints(0, 3, 3), ints(1)), (ints(0), ints(3, 3))]
)
def test_refuses_an_image_that_is_listed_twice(gallery: NDArray[np.int64], probes: NDArray[np.int64]) -> None:
    with pytest.raises(DataError, match="all: expected every gallery image and probe once, got image-3 again"):
        EvaluationProtocol("mine", SOURCE, {}, {"all": Identification(gallery, probes)})


def test_a_segmentation_is_of_images_of_the_source() -> None:
    images = np.array([0, 2])
    protocol = EvaluationProtocol("masks", PlainSource([3]), segmentation={"all": images})
    assert not protocol.compares
    for wrong in (np.array([0, 3]), np.array([-1]), np.zeros(0, np.int64)):
        with pytest.raises(DataError, match="masks: all: expected images of its source, got"):
            EvaluationProtocol("masks", PlainSource([3]), segmentation={"all": wrong})

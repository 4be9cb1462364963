"""What covers a photograph is called other than what is drawn, or the two would be measured as one."""

import pytest

from datamodules.condition_checks import check_told_apart
from datamodules.errors import DataError
from datamodules.occluders import OccluderMixture
from tests.helpers.doubles import PlainSource, RandomSquare


class Worn(PlainSource):
    """Photographs of people with hands before their faces, and one of somebody with a scarf."""

    def kind(self, index: int) -> str:
        return "scarf" if index == 2 else "hand"


def mixture(*names: str) -> OccluderMixture:
    return OccluderMixture({name: RandomSquare(name) for name in names}, {"none": 1.0, **dict.fromkeys(names, 1.0)})


def test_refuses_a_photograph_whose_occluder_is_called_as_a_drawn_one() -> None:
    said = r"image-2: expected its occluder called other than those that are drawn \(cup, scarf\), got 'scarf': .*"
    with pytest.raises(DataError, match=said):
        check_told_apart(Worn([4]), mixture("cup", "scarf"))


def test_takes_other_names_and_sources_that_tell_none() -> None:
    check_told_apart(Worn([4]), mixture("cup"))
    check_told_apart(Worn([4]), None)
    check_told_apart(PlainSource([4]), mixture("scarf"))
    with pytest.raises(ValueError, match="Expected conditions named other than"):
        check_told_apart(PlainSource([4]), mixture("mean"))

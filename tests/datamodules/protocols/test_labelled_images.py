"""Conditions of labelled photographs: by hand; every file that cannot be used is told at once."""

import re
from pathlib import Path

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.protocols import labelled_images
from datamodules.protocols.generated_protocol import generated_protocol
from datamodules.seams.face_source import UInt8Image
from datamodules.sources import COFW
from tests.helpers.doubles import PlainSource
from tests.helpers.labelled_sets import write_masks


class Shares(PlainSource):
    """Image i is covered in i of the ten rows that count of its twelve."""

    size = (12, 10)

    def label_map(self, index: int) -> UInt8Image:
        labels = np.zeros((12, 10), np.uint8)
        labels[:index] = 1
        labels[10:] = 255
        return labels

    def kind(self, index: int) -> str:
        return "hand" if index % 2 else "cup"


def test_faces_are_told_by_what_covers_them_and_by_how_much_of_what_counts() -> None:
    protocol = labelled_images(Shares([11], size=(12, 10)), "mine")
    found = {name: images.tolist() for name, images in protocol.segmentation.items()}
    assert found == {
        "all": list(range(11)),
        "cup": [2, 4, 6, 8, 10],
        "hand": [1, 3, 5, 7, 9],
        "covered 0 %": [0],
        "covered 0-10 %": [1],
        "covered 10-25 %": [2],
        "covered 25-50 %": [3, 4, 5],
        "covered 50-100 %": [6, 7, 8, 9, 10],
    }
    assert (protocol.name, protocol.compares) == ("mine", False)


def test_drawn_faces_know_their_occluders() -> None:
    protocol = labelled_images(generated_protocol(20, 2, cache_dir=None).source)
    assert [name for name in protocol.segmentation if "covered" not in name] == ["all", "scarf", "sunglasses"]
    assert len(protocol.segmentation["scarf"]) == 40


def test_all_files_that_cannot_be_used_are_told_in_one_line(tmp_path: Path) -> None:
    root = write_masks(tmp_path / "set", 6)
    (root / "mask/0002.png").write_bytes(b"")
    (root / "img/0004.jpg").write_bytes((root / "img/0004.jpg").read_bytes()[:300])
    said = r"^cofw: expected images with label maps, 2 of 6 cannot be used: .*0002\.png.*; .*0004\.jpg"
    with pytest.raises(DataError, match=said) as caught:
        labelled_images(COFW(root), "cofw")
    assert "\n" not in str(caught.value)


def test_refuses_sources_without_label_maps_and_maps_without_a_pixel_that_counts() -> None:
    with pytest.raises(DataError, match="labelled: expected images with label maps, got PlainSource, which has none"):
        labelled_images(PlainSource([2]))

    class Nothing(Shares):
        def label_map(self, index: int) -> UInt8Image:
            return np.full((12, 10), 255, np.uint8)

    with pytest.raises(DataError, match=re.escape("2 of 2 cannot be used: image-0: expected pixels that count")):
        labelled_images(Nothing([2], size=(12, 10)))
    with pytest.raises(ValueError, match="Expected a `name`, got none"):
        labelled_images(Shares([2]), " ")


@pytest.mark.parametrize("name", ["all", "covered 10-25 %"])
def test_refuses_an_occluder_that_is_called_as_other_images_are(name: str) -> None:
    class Called(Shares):
        def kind(self, index: int) -> str:
            return name if index == 3 else "hand"

    with pytest.raises(DataError, match=f"image-3: expected its occluder called other than '{name}'"):
        labelled_images(Called([11], size=(12, 10)))

"""LFW-occ on the fly: left images as they are, and an occluded image of its own for each pair."""

import pickle
from itertools import combinations
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.protocols import OccludedFaces, lfw_occ, lfw_pairs
from datamodules.seams.face_source import FaceSource, UInt8Image
from tests.datamodules.protocols.lfw_files import write_lines
from tests.datamodules.protocols.lfw_occ.small_lfw import LINES, RIGHT, write_small_lfw
from tests.helpers.faces_on_disk import encode, pseudo_face


def source_of(root: Path, pairs: Path, category: str = "scarf", *, seed: int = 0) -> OccludedFaces:
    source = lfw_occ(root, pairs, category, seed=seed).source
    assert isinstance(source, OccludedFaces)
    return source


def test_left_images_are_there_once_and_right_ones_once_for_each_pair(tmp_path: Path) -> None:
    root, table = write_small_lfw(tmp_path)
    protocol, plain = lfw_occ(root, table, "scarf"), lfw_pairs(root, table)
    source, pairs, clean = protocol.source, protocol.verification["scarf"], plain.verification["all"]
    assert isinstance(source, FaceSource)
    assert (protocol.name, list(protocol.verification)) == ("lfw_occ", ["scarf"])
    assert [source.name(i) for i in pairs.second] == [f"{path}#scarf/{n}" for n, path in enumerate(RIGHT, start=1)]
    assert len(set(pairs.second.tolist())) == len(pairs) == 4
    assert len(source) == 3 + 4
    for ours, theirs in ((pairs.same, clean.same), (pairs.fold, clean.fold)):
        assert_array_equal(ours, theirs)
    assert_array_equal(source.identities[pairs.first] == source.identities[pairs.second], pairs.same)
    for ours, theirs in zip(pairs.first, clean.first, strict=True):
        assert source.name(ours) == plain.source.name(theirs)
        assert_array_equal(source.image(ours), plain.source.image(theirs))


def test_a_right_image_of_two_pairs_is_covered_in_two_ways(tmp_path: Path) -> None:
    source = source_of(*write_small_lfw(tmp_path))
    for one, other in combinations(range(3, 7), 2):
        assert (source.label_map(one) != source.label_map(other)).any()


def test_images_differ_from_the_originals_within_their_label_maps(tmp_path: Path) -> None:
    source = source_of(*write_small_lfw(tmp_path))
    for index in range(3):
        assert not source.label_map(index).any()
    for index, path in enumerate(RIGHT, start=3):
        image, label_map, original = source.image(index), source.label_map(index), read(source.faces, path)
        assert label_map.any()
        assert_array_equal(image[label_map == 0], original[label_map == 0])


def read(faces: FaceSource, path: str) -> UInt8Image:
    return faces.image([faces.name(index) for index in range(len(faces))].index(path))


def test_order_and_process_do_not_matter(tmp_path: Path) -> None:
    source = source_of(*write_small_lfw(tmp_path))
    images = [source.image(index) for index in range(7)]
    copy = pickle.loads(pickle.dumps(source))  # noqa: S301  as it reaches a loading process
    for index in reversed(range(7)):
        assert_array_equal(copy.image(index), images[index])


def test_another_seed_covers_every_image_otherwise(tmp_path: Path) -> None:
    root, table = write_small_lfw(tmp_path)
    source, other = source_of(root, table), source_of(root, table, seed=1)
    assert all((other.label_map(index) != source.label_map(index)).any() for index in range(3, 7))


def test_a_pairs_number_counts_those_left_out(tmp_path: Path) -> None:
    root, table = write_small_lfw(tmp_path)
    complete = source_of(root, table)
    expected = complete.image(6)
    (root / "Ann/Ann_0003.png").unlink()
    protocol = lfw_occ(root, table, "scarf", allow_missing=True)
    assert protocol.missing == ("line 3: Ann/Ann_0003 and Ann/Ann_0002: no image of Ann/Ann_0003",)
    last = int(protocol.verification["scarf"].second[-1])
    assert protocol.source.name(last) == complete.name(6) == "Bea/Bea_0001.png#scarf/4"
    assert_array_equal(protocol.source.image(last), expected)
    with pytest.raises(DataError, match=r"got none of 1: Ann/Ann_0003$"):
        lfw_occ(root, table, "scarf")


def test_size_and_severity(tmp_path: Path) -> None:
    root, table = write_small_lfw(tmp_path)
    protocol = lfw_occ(root, table, "cup+sunglasses", severity="medium", size=40)
    assert list(protocol.verification) == ["cup+sunglasses/medium"]
    assert isinstance(protocol.source, OccludedFaces)
    assert protocol.source.image(0).shape == (64, 64, 3)
    assert protocol.source.image(5).shape == (40, 40, 3)
    assert protocol.source.label_map(5).shape == (40, 40)


def test_refuses_images_that_are_no_crops(tmp_path: Path) -> None:
    root, table = write_small_lfw(tmp_path)
    (root / "Bea/Bea_0001.png").write_bytes(encode(pseudo_face(0, size=(20, 40)), "png"))
    message = (
        r"^Bea/Bea_0001\.png: expected an aligned, about square face crop of at least 16 × 16 pixels, got 40 × 20$"
    )
    with pytest.raises(DataError, match=message):
        source_of(root, table).image(6)


def test_refuses_settings(tmp_path: Path) -> None:
    root, table = write_small_lfw(tmp_path)
    with pytest.raises(ValueError, match=r"^Expected an occluder category among"):
        lfw_occ(root, table, "hat")
    with pytest.raises(ValueError, match=r"^Expected `size` of at least 1, got 0$"):
        lfw_occ(root, table, "cup", size=0)
    with pytest.raises(DataError, match="line 2: expected `name n1 n2`"):
        lfw_occ(root, write_lines(tmp_path, [LINES[0], "Ann"]), "cup")

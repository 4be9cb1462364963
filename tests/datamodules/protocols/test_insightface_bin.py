"""InsightFace's .bin sets: pairs as the file has them, each distinct image once, folds as sklearn's KFold."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import KFold

from datamodules.errors import DataError
from datamodules.protocols.insightface_bin import bin_pairs
from datamodules.seams.face_source import FaceSource
from datamodules.sources.decode import decode_image
from tests.helpers.faces_on_disk import encode, pseudo_face

DISTINCT = [encode(pseudo_face(identity, shot, size=(8, 8))) for identity in range(5) for shot in range(3)]
ORDER = np.random.default_rng(1).integers(0, 15, 46)
IMAGES = [DISTINCT[number] for number in ORDER]
SAME = [bool(a // 3 == b // 3) for a, b in ORDER.reshape(-1, 2)]


def write_bin(folder: Path, images: object, same: object, protocol: int = 4) -> Path:
    path = folder / "agedb_30.bin"
    path.write_bytes(pickle.dumps((images, same), protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("kind", [bytes, bytearray, lambda data: np.frombuffer(data, np.uint8)])
@pytest.mark.parametrize("answers", [list, np.array, lambda same: list(np.array(same)), lambda same: [*map(int, same)]])
def test_holds_the_pairs_that_were_written(
    tmp_path: Path, protocol: int, kind: Callable[[bytes], object], answers: Callable[[list[bool]], object]
) -> None:
    protocol_ = bin_pairs(write_bin(tmp_path, [kind(image) for image in IMAGES], answers(SAME), protocol))
    pairs, source = protocol_.verification["all"], protocol_.source
    assert isinstance(source, FaceSource)
    assert (protocol_.name, protocol_.missing) == ("agedb_30", ())
    assert_array_equal(pairs.same, SAME)
    for number, index in enumerate(np.stack([pairs.first, pairs.second], axis=1).reshape(-1).tolist()):
        assert_array_equal(source.image(index), decode_image(IMAGES[number], name="x"))


def test_every_distinct_image_is_there_once_and_an_identity_of_its_own(tmp_path: Path) -> None:
    source = bin_pairs(str(write_bin(tmp_path, IMAGES, SAME))).source
    assert len(source) == len(set(ORDER.tolist()))
    assert_array_equal(source.identities, np.arange(len(source)))
    assert len(source.identity_names) == len(source)
    assert source.landmarks(0) is None
    places = [list(ORDER).index(number) for number in dict.fromkeys(ORDER.tolist())]
    assert [source.name(index) for index in range(len(source))] == [f"agedb_30.bin[{place}]" for place in places]


@pytest.mark.parametrize("pairs", [10, 11, 19, 20, 23])
def test_folds_are_those_of_sklearn(tmp_path: Path, pairs: int) -> None:
    fold = bin_pairs(write_bin(tmp_path, IMAGES[: 2 * pairs], SAME[:pairs])).verification["all"].fold
    for number, (_, test) in enumerate(KFold(10, shuffle=False).split(np.zeros(pairs))):
        assert_array_equal(np.flatnonzero(fold == number), test)


def test_reads_a_file_of_python_2(tmp_path: Path) -> None:
    path = tmp_path / "lfw.bin"
    images = b"".join(b"T" + len(image).to_bytes(4, "little") + image for image in IMAGES)
    same = b"".join(b"\x88" if answer else b"\x89" for answer in SAME)
    path.write_bytes(b"\x80\2](" + images + b"e](" + same + b"e\x86.")
    assert_array_equal(bin_pairs(path).verification["all"].same, SAME)


@pytest.mark.parametrize(
    ("images", "same", "expected"),
    [
        (IMAGES[:-1], SAME, "expected two images for each of 10 or more pairs, got 45 images for 23 pairs"),
        (IMAGES, SAME[1:], "expected two images for each of 10 or more pairs, got 46 images for 22 pairs"),
        (IMAGES[:18], SAME[:9], "expected two images for each of 10 or more pairs, got 18 images for 9 pairs"),
        ([], [], "expected two images for each of 10 or more pairs, got 0 images for 0 pairs"),
        ([*IMAGES[:-1], 5], SAME, "image 45: expected bytes or an array of uint8, got int"),
        ([[], *IMAGES[1:]], SAME, "image 0: expected bytes or an array of uint8, got list"),
        ([np.zeros(4, np.int32)] * 46, SAME, "image 0: expected bytes or an array of uint8, got PickledArray"),
        (IMAGES, [*SAME[:-1], 2], "pair 22: expected True or False, got 2"),
        (IMAGES, [*SAME[:-1], 1 << 1_000], "pair 22: expected True or False, got int"),
        (IMAGES, [None, *SAME[1:]], "pair 0: expected True or False, got NoneType"),
        (IMAGES, ["True", *SAME[1:]], "pair 0: expected True or False, got 'True'"),
        (IMAGES, np.full(23, 255, np.uint8), "pair 0: expected True or False, got 255"),
        (IMAGES, b"\1" * 23, "expected a list of images and one of bools, got tuple"),
    ],
)
def test_refuses_what_is_no_list_of_pairs(tmp_path: Path, images: object, same: object, expected: str) -> None:
    path = write_bin(tmp_path, images, same)
    with pytest.raises(DataError, match=re.escape(f"{path}: {expected}")):
        bin_pairs(path)


def test_refuses_files_that_are_hostile_cut_short_or_gone(tmp_path: Path) -> None:
    path = write_bin(tmp_path, IMAGES, SAME)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"agedb_30\.bin: expected a complete pickle, got \d+ bytes, cut short"):
        bin_pairs(path)
    path.write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(DataError, match=r"agedb_30\.bin: .* got os\.system$"):
        bin_pairs(path)
    path.write_bytes(pickle.dumps(IMAGES))
    with pytest.raises(DataError, match=r"agedb_30\.bin: expected a list of images and one of bools, got list"):
        bin_pairs(path)
    with pytest.raises(DataError, match=r"none\.bin: expected a \.bin file of pairs, got No such file"):
        bin_pairs(tmp_path / "none.bin")


def test_refuses_a_broken_image_when_it_is_asked_for(tmp_path: Path) -> None:
    source = bin_pairs(write_bin(tmp_path, [*IMAGES[:-1], b"no image"], SAME)).source
    with pytest.raises(DataError, match=r"^agedb_30\.bin\[45\]: expected a JPEG"):
        source.image(len(source) - 1)

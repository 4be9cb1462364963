"""MFR2 in its own layout: the published pairs by who wears a mask, and whatever is not as published is said."""

import logging
from pathlib import Path
from typing import Any

import pytest

from datamodules.errors import DataError
from datamodules.protocols import mfr2_pairs
from tests.datamodules.protocols import people_files
from tests.datamodules.protocols.people_files import write_mfr2
from tests.helpers.faces_on_disk import write_image_folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mfr2(tmp_path_factory.mktemp("mfr2") / "mfr2")


def test_the_published_pairs_are_told_apart_by_masks(whole: Path) -> None:
    protocol = mfr2_pairs(whole)
    assert (protocol.name, protocol.missing, len(protocol.source.identity_names)) == ("mfr2", (), 53)
    pairs = protocol.verification
    assert set(pairs) == {"all", "masked-masked", "masked-unmasked", "unmasked-unmasked"}
    assert (len(pairs["all"]), int(pairs["all"].same.sum()), pairs["all"].folds) == (848, 424, 1)
    assert sum(len(found) for condition, found in pairs.items() if condition != "all") == 848
    for condition, found in pairs.items():
        for first, second in zip(found.first, found.second, strict=True):
            names = [protocol.source.name(int(index)) for index in (first, second)]
            masks = sum(int(Path(name).stem[-4:]) % 2 == 0 for name in names)
            assert condition in ("all", ("unmasked-unmasked", "masked-unmasked", "masked-masked")[masks])


def test_lists_may_lie_beside_crops_of_another_format(whole: Path, tmp_path: Path) -> None:
    write_image_folder(tmp_path / "crops", people_files.mfr2_counts(), size=(8, 8), extension="JPG")
    write_mfr2(tmp_path, images=False)
    assert len(mfr2_pairs(tmp_path / "crops").verification["all"]) == 848
    named = mfr2_pairs(tmp_path / "crops", pairs=whole / "pairs.txt", labels=str(whole / "mfr2_labels.txt"))
    assert named.source.name(0) == "Per_Son00/Per_Son00_0001.JPG"


@pytest.mark.parametrize(
    ("labels", "pairs", "message"),
    [
        pytest.param(None, -1, "848 pairs, got 847", id="a-pair-less"),
        pytest.param(-1, None, "269 images, got 268", id="an-image-less"),
        pytest.param(-5, None, "53 people, got 52; 269 images, got 264", id="a-person-less"),
    ],
)
def test_other_counts_are_refused_unless_told(
    whole: Path, tmp_path: Path, labels: int | None, pairs: int | None, message: str
) -> None:
    write_mfr2(
        tmp_path, labels=people_files.mfr2_labels()[:labels], pairs=people_files.mfr2_pairs()[:pairs], images=False
    )
    files: dict[str, Any] = {"pairs": tmp_path / "pairs.txt", "labels": tmp_path / "mfr2_labels.txt"}
    with pytest.raises(DataError, match=f"expected, as published, {message}; --allow-other-counts takes others"):
        mfr2_pairs(whole, **files)
    allowed = mfr2_pairs(whole, **files, allow_other_counts=True, allow_missing=True)
    assert allowed.missing[0] == "{} are published, here are {}".format(
        *message.split(";", maxsplit=1)[0].split(", got ")
    )


def test_missing_partners_are_named_and_left_out_only_if_told(tmp_path: Path) -> None:
    root = write_mfr2(tmp_path / "mfr2")
    (root / "Per_Son07/Per_Son07_0003.png").unlink()
    with pytest.raises(DataError, match=r"expected all of its images in .*, got none of 1: Per_Son07/Per_Son07_0003$"):
        mfr2_pairs(root)
    protocol = mfr2_pairs(root, allow_missing=True)
    lost = sum("Per_Son07_0003" in line for line in protocol.missing[1:])
    assert protocol.missing[0] == "Per_Son07/Per_Son07_0003: no image"
    assert len(protocol.verification["all"]) == 848 - lost < 848


def test_a_compared_image_without_a_label_is_named(whole: Path, tmp_path: Path) -> None:
    labels = [line for line in people_files.mfr2_labels() if not line.startswith("Per_Son02, 1,")]
    write_mfr2(tmp_path, labels=labels, images=False)
    with pytest.raises(DataError, match=r"expected a label of each image .*, got none of 1: Per_Son02/Per_Son02_0001$"):
        mfr2_pairs(whole, labels=tmp_path / "mfr2_labels.txt", allow_other_counts=True)
    told = mfr2_pairs(whole, labels=tmp_path / "mfr2_labels.txt", allow_other_counts=True, allow_missing=True).missing
    assert "Per_Son02/Per_Son02_0001: no label in mfr2_labels.txt" in told
    pairs = [line for line in told if line.startswith("line ")]
    assert pairs
    assert all(line.endswith(": no labelled image of Per_Son02/Per_Son02_0001") for line in pairs)


def test_pairs_that_are_listed_twice_count_twice_and_are_told(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pairs = [*people_files.mfr2_pairs()[:-1], people_files.mfr2_pairs()[0]]
    write_mfr2(tmp_path, pairs=pairs, images=False)
    with caplog.at_level(logging.WARNING):
        assert len(mfr2_pairs(whole, pairs=tmp_path / "pairs.txt").verification["all"]) == 848
    assert "1 of 848 pairs are listed again" in caplog.text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Ann, 1", "line 1: expected `name, number, what is worn`, got 'Ann, 1'"),
        ("Ann, one, no-mask", "line 1: expected `name, number"),
        ("../x, 1, no-mask", "line 1: expected `name, number"),
        (
            "Ann, 1, no-mask\nAnn, 01, cloth",
            "line 2: expected one label of .*, got masked and before unmasked",
        ),
        ("", "expected labels, got none"),
    ],
)
def test_refuses_labels(whole: Path, tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(line)
    with pytest.raises(DataError, match=f"labels.txt: {message}"):
        mfr2_pairs(whole, labels=path)


def test_refuses_a_folder_without_lists(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected mfr2_labels.txt, got none of .*mfr2_labels.txt, .*mfr2_labels.txt"):
        mfr2_pairs(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"expected pairs.txt, got none of .*other.txt"):
        mfr2_pairs(write_mfr2(tmp_path, images=False), pairs=tmp_path / "other.txt")

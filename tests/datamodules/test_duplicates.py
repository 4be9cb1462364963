"""Copies are found whatever file holds them; what goes and what stays is a function of pixels and labels."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from datamodules import FaceDataModule, ImageChecks, Loading, SplitSettings
from datamodules.duplicates import Copies, Duplicates, pixel_digest
from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.sources import ImageFolder, RecordIO
from tests.helpers.faces_on_disk import encode, pseudo_face, write_image_folder
from tests.helpers.recordio_pack import write_recordio

COUNTS = {"ann": 6, "bea": 6, "cid": 6, "dan": 6, "eva": 6}


def left_out(pixels: str, identities: str) -> str:
    """Return the positions that go, of images and identities given as a letter each."""
    digests = np.array([ord(letter) for letter in pixels], np.uint64)
    return "".join(
        str(i) for i in np.flatnonzero(Copies(digests, np.array([ord(p) - 97 for p in identities])).left_out())
    )


@pytest.mark.parametrize(
    ("pixels", "identities", "gone"),
    [
        pytest.param("pqrs", "aabb", "", id="no copies"),
        pytest.param("pqpp", "aaab", "023", id="of several identities: none is kept, those of one neither"),
        pytest.param("ppqpr", "aaabb", "013", id="the same the other way"),
        pytest.param("pqpqp", "aaaaa", "234", id="of one identity: the first is kept"),
        pytest.param("pqqp", "aabb", "23", id="the same images: the first identity is kept"),
        pytest.param("pqqpqp", "aabbcc", "2345", id="also of three"),
        pytest.param("pqqqp", "aaabb", "234", id="also with copies within"),
        pytest.param("pqpqr", "aabbb", "0123", id="but not of some of them"),
        pytest.param("pqpqqr", "aabbcc", "1234", id="a copy under a third identity has no label"),
        pytest.param("", "", "", id="nothing"),
    ],
)
def test_what_is_left_out(pixels: str, identities: str, gone: str) -> None:
    assert left_out(pixels, identities) == gone


def test_what_is_left_out_is_what_a_slow_loop_finds() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        digests, identities = rng.integers(0, 9, (2, 12))
        identities = np.sort(identities // 2)
        held = {p: frozenset(digests[identities == p].tolist()) for p in identities.tolist()}
        firsts = {p for p in held if p == min(q for q in held if held[q] == held[p])}
        owners = defaultdict(set)
        for digest, identity in zip(digests.tolist(), identities.tolist(), strict=True):
            if identity in firsts:
                owners[digest].add(identity)
        kept, seen = [], set()
        for position, (digest, identity) in enumerate(zip(digests.tolist(), identities.tolist(), strict=True)):
            if identity in firsts and len(owners[digest]) == 1 and digest not in seen:
                kept.append(position)
                seen.add(digest)
        found = Copies(digests.astype(np.uint64), identities).left_out()
        assert np.flatnonzero(~found).tolist() == kept


def test_shape_and_every_pixel_are_told_apart() -> None:
    image = pseudo_face(0, size=(4, 6))
    other = image.copy()
    other[3, 5, 2] ^= 1
    views = [
        image,
        other,
        image.reshape(6, 4, 3),
        image[::-1],
        np.zeros((1, 2, 3), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
    ]
    assert len({pixel_digest(view) for view in views}) == len(views)
    assert pixel_digest(image[:, ::-1]) == pixel_digest(image[:, ::-1].copy())


def data(source: FaceSource, duplicates: Duplicates = "warn") -> FaceDataModule:
    return FaceDataModule(
        source,
        image_size=32,
        split=SplitSettings(min_images=5, num_unseen=2),
        loading=Loading(num_workers=0),
        checks=ImageChecks(duplicates=duplicates),
    )


def folder(root: Path) -> Path:
    return write_image_folder(root, COUNTS, size=(16, 16), extension="png")


def test_copies_are_counted_named_and_kept_by_default(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    undisturbed = data(ImageFolder(folder(tmp_path)))
    assert not caplog.records
    for identity in COUNTS:  # as BMP: the pixels are the same, the bytes are not
        (tmp_path / identity / "z.bmp").write_bytes(
            encode(pseudo_face(list(COUNTS).index(identity), 0, size=(16, 16)), "bmp")
        )
    (tmp_path / "bea/y.png").write_bytes((tmp_path / "ann/ann_0002.png").read_bytes())
    found = data(ImageFolder(tmp_path))
    assert len(found.split.train) > len(undisturbed.split.train)
    (record,) = caplog.records
    text = record.getMessage()
    assert text.startswith(
        "6 of 36 images are pixel for pixel copies of others, 1 of them of images of several identities: "
        "bea/y.png = ann/ann_0002.png, ann/z.bmp = ann/ann_0001.png, bea/z.bmp = bea/bea_0001.png, "
    )
    assert "and 1 more; " in text
    assert text.count("\n") == 0
    assert "copies" not in found.describe()


def test_leaks_into_validation_and_evaluation_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for identity in COUNTS:
        (tmp_path / identity).mkdir()
        for shot in range(6):  # all are the same six images
            (tmp_path / identity / f"{shot}.png").write_bytes(encode(pseudo_face(0, shot, size=(16, 16)), "png"))
    found = data(ImageFolder(tmp_path))
    validation, unseen = len(found.split.validation), len(found.split.unseen)
    assert f"; {validation} validation and {unseen} unseen images are also trained on; " in caplog.text


def test_dropping_makes_of_copies_what_was_there_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = data(ImageFolder(folder(tmp_path)))
    for identity in COUNTS:
        (tmp_path / identity / "z.png").hardlink_to(tmp_path / identity / f"{identity}_0003.png")
    (tmp_path / "linked").symlink_to("bea")  # an identity folder that is another
    after = data(ImageFolder(tmp_path), duplicates="drop")
    names = [
        {part: [m.source.name(i) for i in getattr(m.split, part)] for part in ("train", "validation", "unseen")}
        for m in (before, after)
    ]
    assert names[0] == names[1]
    assert "; 12 copies left out" in after.describe()
    assert "12 of 42 images" in caplog.text
    assert caplog.records[0].getMessage().endswith("; 12 left out")


def test_refusing_names_the_copy_before_training(tmp_path: Path) -> None:
    folder(tmp_path)
    assert data(ImageFolder(tmp_path), duplicates="refuse").looked.dropped == 0
    (tmp_path / "ann/z.png").write_bytes((tmp_path / "ann/ann_0004.png").read_bytes())
    with pytest.raises(
        DataError, match=r"^Expected images that differ.*, got copies: 1 of 31 .*: ann/z.png = ann/ann_0004.png$"
    ):
        data(ImageFolder(tmp_path), duplicates="refuse")


def test_one_image_under_two_labels_of_a_pack_has_none(tmp_path: Path) -> None:
    images = [encode(pseudo_face(i // 6, i % 6, size=(16, 16)), "png") for i in range(30)]
    write_recordio(tmp_path, [*images, images[0]], [*(i // 6 for i in range(30)), 4.0], classes=5)
    found = data(RecordIO(tmp_path), duplicates="drop")
    assert "2 copies left out" in found.describe()
    assert not {0, 30} & {int(i) for part in found.split[:3] for i in part}

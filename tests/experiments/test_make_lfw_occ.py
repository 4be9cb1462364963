"""``python -m experiments.make_lfw_occ``: a folder that others can check, and the protocol that reads it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.protocols import OccludedFaces, lfw_occ, lfw_occ_from
from datamodules.protocols.lfw_occ import making
from datamodules.protocols.lfw_occ.manifest import ManifestRow, read_manifest
from datamodules.protocols.lfw_occ.pair_chunk import PairChunk, make_chunk
from experiments.cli import UserError, main
from experiments.make_lfw_occ import make_lfw_occ
from tests.datamodules.protocols.lfw_occ.small_lfw import RIGHT, write_small_lfw
from tests.helpers.processes import start_server

BOTH = ["--categories", "scarf", "cup+sunglasses"]


class Small:
    """A small LFW and what is made of it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.pairs = write_small_lfw(folder)
        self.out = folder / "occ"
        self.data = [f"--root={self.root}", f"--pairs={self.pairs}"]

    def make(self, *options: str, out: Path | None = None) -> Path:
        make_lfw_occ([*self.data, f"--out={out or self.out}", "--size=64", *(options or BOTH)])
        return out or self.out

    def check(self) -> None:
        make_lfw_occ([*self.data, f"--check={self.out}"])

    def manifest(self) -> str:
        return (self.out / "manifest.csv").read_text()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    monkeypatch.setattr(making, "CHUNK", 3)
    return Small(tmp_path)


def test_the_folder_holds_what_is_drawn_on_the_fly(small: Small) -> None:
    small.make()
    made = lfw_occ_from(small.out, small.root, small.pairs)
    assert list(made.verification) == ["scarf", "cup+sunglasses"]
    assert isinstance(made.source, OccludedFaces)
    assert len(made.source) == 3 + 2 * 4
    for category, pairs in made.verification.items():
        drawn = lfw_occ(small.root, small.pairs, category)
        assert isinstance(drawn.source, OccludedFaces)
        for ours, theirs in zip(pairs.second, drawn.verification[category].second, strict=True):
            assert made.source.name(ours) == drawn.source.name(theirs)
            assert_array_equal(made.source.image(ours), drawn.source.image(theirs))
            assert_array_equal(made.source.label_map(ours), drawn.source.label_map(theirs))
        assert_array_equal(made.source.image(0), drawn.source.image(0))


def test_the_manifest_tells_what_was_done(small: Small) -> None:
    small.make("--categories", "cup+sunglasses", "--seed=3", "--severity=high")
    rows = list(read_manifest(small.out / "manifest.csv").values())
    assert small.manifest().splitlines()[0] == ",".join(ManifestRow._fields)
    assert [row.image for row in rows] == RIGHT
    assert [(row.pair, row.fold, row.category, row.seed) for row in rows] == [
        (str(pair), "1", "cup+sunglasses", "3") for pair in range(1, 5)
    ]
    assert all(0.4 <= float(row.covered) < 0.6 and row.instance.count("+") == 1 for row in rows)
    record = json.loads((small.out / "manifest.json").read_text())
    assert record["made_with"]["opencv"] == cv2.__version__
    assert record["made_with"]["jpeg_decoder"] in cv2.getBuildInformation()
    assert record["settings"]["severity"] == "high"
    assert list(lfw_occ_from(small.out, small.root, small.pairs).verification) == ["cup+sunglasses/high"]
    assert {path.name for path in small.out.iterdir()} == {"manifest.csv", "manifest.json", "cup+sunglasses"}
    label_map = (small.out / "cup+sunglasses/labels/0001.png").read_bytes()
    assert label_map[24:26] == b"\x01\x00"  # 1 bit, grey


@pytest.mark.slow
def test_three_processes_make_what_one_does(small: Small, tmp_path: Path) -> None:
    start_server()
    small.make()
    other = small.make(*BOTH, "--workers=3", out=tmp_path / "three")
    files = [path.relative_to(small.out) for path in sorted(small.out.rglob("*")) if path.is_file()]
    assert len(files) == 2 * 2 * 4 + 2
    for file in files:
        assert (other / file).read_bytes() == (small.out / file).read_bytes()
    make_lfw_occ([*small.data, f"--check={other}", "--workers=2"])


def test_a_second_run_makes_only_what_is_missing(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    small.make()
    assert "8 images made in" in capsys.readouterr().out
    before, manifest = (small.out / "scarf/0003.png").read_bytes(), small.manifest()
    times = {path: path.stat().st_mtime_ns for path in small.out.rglob("*.png")}
    (small.out / "scarf/0003.png").unlink()
    (small.out / "cup+sunglasses/labels/0001.png").unlink()
    small.make()
    assert "2 images made" in capsys.readouterr().out
    again = {path.relative_to(small.out).as_posix() for path, time in times.items() if path.stat().st_mtime_ns != time}
    remade = ("scarf/0003.png", "scarf/labels/0003.png", "cup+sunglasses/0001.png", "cup+sunglasses/labels/0001.png")
    assert again == set(remade)
    assert (small.out / "scarf/0003.png").read_bytes() == before
    assert small.manifest() == manifest


def test_an_interrupted_run_is_resumed(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small.make(out=small.out.with_name("whole"))
    made: list[PairChunk] = []

    def interrupted(chunk: PairChunk) -> list[ManifestRow]:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(chunk)
        return make_chunk(chunk)

    monkeypatch.setattr(making, "make_chunk", interrupted)
    with pytest.raises(KeyboardInterrupt):
        small.make()
    assert not (small.out / "manifest.csv").exists()
    monkeypatch.setattr(making, "make_chunk", make_chunk)
    capsys.readouterr()
    small.make()
    assert "4 images made" in capsys.readouterr().out
    assert small.manifest() == (small.out.with_name("whole") / "manifest.csv").read_text()


def test_other_settings_need_another_folder(small: Small) -> None:
    small.make()
    with pytest.raises(DataError, match=r"expected the settings that it was made with, seed 0, got 1$"):
        small.make(*BOTH, "--seed=1")
    small.pairs.write_text(small.pairs.read_text() + "\n")
    with pytest.raises(DataError, match="made with, pairs_sha256 "):
        small.make()


def test_check_finds_nothing_in_what_was_made(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    small.make()
    small.check()
    assert capsys.readouterr().out.endswith("occ: 8 images as the manifest tells\n")


def test_check_finds_every_change(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    small.make()
    path = small.out / "scarf/0002.png"
    image = cv2.imread(str(path))
    assert image is not None
    image[0, 0, 0] ^= 1
    cv2.imwrite(str(path), image)
    (small.out / "scarf/labels/0001.png").unlink()
    lines = small.manifest().splitlines(keepends=True)
    lines[3] = lines[3].replace("scarf,", "scarf,1", 1)  # pair 3: its instance
    del lines[8]  # the last pair of the other category
    (small.out / "manifest.csv").write_text("".join(lines))
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(make_lfw_occ, [*small.data, f"--check={small.out}"])
    assert stopped.value.code == 1
    out, err = capsys.readouterr()
    found = [line.removeprefix(f"{small.out}/") for line in out.splitlines()]
    assert [line.partition(" has ")[0] for line in found] == [
        "scarf/labels/0001.png: expected an image of LFW-occ, got No such file or directory",
        "scarf/0002.png: manifest.csv",
        "scarf, pair 3: instance: manifest.csv",
        "cup+sunglasses, pair 4: no row in manifest.csv",
    ]
    assert err == f"error: {small.out}: expected what is drawn here, got 4 differences\n"


def test_check_tells_another_decoder(small: Small) -> None:
    small.make()
    record = json.loads((small.out / "manifest.json").read_text())
    record["made_with"]["jpeg_decoder"] = "libjpeg (ver 62)"
    (small.out / "manifest.json").write_text(json.dumps(record))
    small.check()
    lines = small.manifest().splitlines(keepends=True)
    (small.out / "manifest.csv").write_text("".join([*lines, lines[1].replace("1,1,", "9,1,", 1)]))
    with pytest.raises(UserError, match=r"got 1 differences \(made with jpeg_decoder libjpeg \(ver 62\), here "):
        small.check()


def test_reading_names_the_image_whose_hash_differs(small: Small) -> None:
    small.make()
    source = lfw_occ_from(small.out, small.root, small.pairs).source
    assert isinstance(source, OccludedFaces)
    cv2.imwrite(str(small.out / "scarf/0002.png"), np.zeros((64, 64, 3), np.uint8))
    cv2.imwrite(str(small.out / "scarf/labels/0001.png"), np.zeros((64, 64), np.uint8))
    with pytest.raises(DataError, match=r"occ/scarf/0002\.png: expected pixels of SHA-256 [0-9a-f]{16}…, as manifest"):
        source.image(4)
    with pytest.raises(DataError, match=r"occ/scarf/labels/0001\.png: expected pixels of SHA-256 "):
        source.label_map(3)
    (small.out / "scarf/labels/0001.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"labels/0001\.png: expected a label map, got a broken image"):
        source.label_map(3)
    (small.out / "scarf/0001.png").unlink()
    with pytest.raises(DataError, match=r"scarf/0001\.png: expected an image of LFW-occ, got No such file"):
        source.image(3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("pair,fold", "fold,pair", r"manifest\.csv: line 1: expected columns pair,fold,.*, got 'fold,pair"),
        ("\n2,1,Ann", "\n1,1,Ann", r"manifest\.csv: line 3: expected every image once, got scarf, pair 1 again"),
        (
            "\n2,1,Ann",
            "\nx,1,Ann",
            r"manifest\.csv: line 3: expected a pair's number, … and three SHA-256, got 'x,1,Ann",
        ),
        ("\n2,1,Ann", "\n2,Ann", r"manifest\.csv: line 3: expected a pair's number"),
        (
            "2,1,Ann/Ann_0002",
            "2,1,Ann/Ann_0001",
            r"expected Ann/Ann_0002\.png for scarf, pair 2, got Ann/Ann_0001\.png",
        ),
        ("\n4,1,Bea", "\n5,1,Bea", r"expected Bea/Bea_0001\.png for scarf, pair 4, got no row"),
    ],
)
def test_refuses_a_manifest(small: Small, old: str, new: str, message: str) -> None:
    small.make("--categories", "scarf")
    (small.out / "manifest.csv").write_text(small.manifest().replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        lfw_occ_from(small.out, small.root, small.pairs)


@pytest.mark.parametrize("content", ["", "[]", '{"settings": {"categories": ["cup"]}}'])
def test_refuses_a_folder_without_settings(small: Small, content: str) -> None:
    with pytest.raises(DataError, match=r"manifest\.json: expected the settings of a made LFW-occ, got No such file"):
        lfw_occ_from(small.out, small.root, small.pairs)
    small.out.mkdir()
    (small.out / "manifest.json").write_text(content)
    with pytest.raises(DataError, match=r"manifest\.json: expected (the )?settings"):
        lfw_occ_from(small.out, small.root, small.pairs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--categories", "hat"], r"Expected an occluder category among \['cup', .*, got 'hat'"),
        (["--categories", "cup", "cup"], r"Expected every category once, got cup cup"),
        (["--size=8"], r"Expected `--size` of at least 16, got 8"),
        (["--seed=-1"], r"Expected --seed of at least 0, got .-1."),
        (["--severity=some"], r"argument --severity: invalid choice: 'some'"),
        (["--landmarks=dlib"], r"Expected `points` to be one of \['arcface', 'lfw'\]"),
    ],
)
def test_refuses_options(small: Small, options: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        small.make(*options)
    assert not small.out.exists()


def test_missing_images_are_listed_before_anything_is_made(small: Small) -> None:
    (small.root / "Bea/Bea_0001.png").unlink()
    with pytest.raises(DataError, match=r"got none of 1: Bea/Bea_0001$"):
        small.make()
    assert not small.out.exists()


def test_a_folder_that_cannot_be_written_to_is_refused(small: Small, tmp_path: Path) -> None:
    (tmp_path / "a_file").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"a_file/x: expected a folder that LFW-occ can be written to, got Not a directory"
    ):
        small.make(out=tmp_path / "a_file/x")

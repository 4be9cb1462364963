"""Whole folders: what is missing is made and nothing else, by any number of threads, killed or not."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.alignment.align_folder import ALIGNED, ALREADY_THERE, CropOutcome, align_folder
from datamodules.alignment.aligner import Aligner
from datamodules.alignment.crop_folder import CropFolder
from datamodules.alignment.detector import Detector
from datamodules.alignment.landmark_table import LandmarkTable
from datamodules.alignment.unaligned_faces import UnalignedFaces, find_images
from datamodules.errors import DataError
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources import ImageFolder
from datamodules.sources.decode import decode_image
from tests.datamodules.alignment.conftest import FACE, Photos, row
from tests.helpers.faces_on_disk import encode, pseudo_face
from tests.helpers.processes import CONTEXT, start_server


def run(
    photos: Photos, out: Path, *, workers: int = 1, table: bool = True, detector: Detector | None = None
) -> list[CropOutcome]:
    faces = UnalignedFaces(photos.root, LandmarkTable(photos.table) if table else None, detector)
    with CropFolder(out, {}, size=112, format="jpg") as crops:
        return list(align_folder(faces, Aligner(), crops, workers=workers))


def kinds(outcomes: Sequence[CropOutcome]) -> dict[str, str]:
    return {outcome.name: outcome.kind for outcome in outcomes}


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*.jpg"))}


def test_layout_is_kept_for_the_reader_of_folders(photos: Photos, tmp_path: Path) -> None:
    outcomes = run(photos, tmp_path / "out")
    assert kinds(outcomes) == dict.fromkeys(photos.points, ALIGNED)
    source = ImageFolder(tmp_path / "out")
    assert list(source.identity_names) == ["Ada", "Grace"]
    assert [source.name(i) for i in range(len(source))] == [name.replace("png", "jpg") for name in photos.points]
    for identity, index in ((0, 0), (1, 5)):
        difference = cv2.blur(source.image(index).astype(float) - pseudo_face(identity, index % 3), (5, 5))
        assert np.abs(difference[20:92, 20:92]).mean() < 6


def test_number_of_threads_does_not_change_a_byte(photos: Photos, tmp_path: Path) -> None:
    outcomes = [run(photos, tmp_path / str(workers), workers=workers) for workers in (1, 2, 7)]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert contents(tmp_path / "1") == contents(tmp_path / "2") == contents(tmp_path / "7")


def test_a_second_run_makes_only_what_is_missing_or_cut(photos: Photos, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(photos, out)
    before = contents(out)
    times = {name: (out / name).stat().st_mtime_ns for name in before}
    (out / "Ada/1.jpg").unlink()
    (out / "Grace/2.jpg").write_bytes(before["Grace/2.jpg"][:-10])
    outcomes = kinds(run(photos, out))
    made = {"Ada/1.png", "Grace/2.png"}
    assert outcomes == {name: ALIGNED if name in made else ALREADY_THERE for name in photos.points}
    assert contents(out) == before
    for name in set(before) - {"Ada/1.jpg", "Grace/2.jpg"}:
        assert (out / name).stat().st_mtime_ns == times[name]


def align_and_die(root: Path, table: Path, out: Path) -> None:
    """Align until the process is killed in the middle of the fourth crop."""
    replace, calls = Path.replace, list[Path]()

    def killed(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == 4:
            os.truncate(self, self.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = killed  # type: ignore[assignment, method-assign]  # in a process of its own, which ends here
    with CropFolder(out, {}, size=112, format="jpg") as crops:
        list(align_folder(UnalignedFaces(root, LandmarkTable(table)), Aligner(), crops))


def test_a_run_killed_while_it_writes_leaves_no_half_crop_and_is_resumed(photos: Photos, tmp_path: Path) -> None:
    out = tmp_path / "out"
    start_server()
    killed = CONTEXT.Process(target=align_and_die, args=(photos.root, photos.table, out))
    killed.start()
    killed.join(100)
    assert killed.exitcode == -signal.SIGKILL
    left = contents(out)
    assert len(left) == 3
    for name, data in left.items():
        assert decode_image(data, name=name).shape == (112, 112, 3)
    assert len(ImageFolder(out)) == 3
    outcomes = kinds(run(photos, out))
    assert list(outcomes.values()) == [ALREADY_THERE] * 3 + [ALIGNED] * 3
    run(photos, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")
    assert not [path for path in out.rglob("*") if path.suffix == ".tmp"]


def test_broken_images_stop_nothing(photos: Photos, tmp_path: Path) -> None:
    data = (photos.root / "Ada/0.png").read_bytes()
    (photos.root / "Ada/0.png").write_bytes(data[: len(data) // 2])
    (photos.root / "Ada/1.png").write_text("no image")
    (photos.root / "Grace/0.png").unlink()
    outcomes = {outcome.name: outcome for outcome in run(photos, tmp_path / "out", workers=2)}
    assert [outcome.kind for outcome in outcomes.values()].count(ALIGNED) == 3
    assert outcomes["Ada/0.png"].kind == outcomes["Ada/1.png"].kind == "image cannot be read"
    assert outcomes["Ada/0.png"].reason.startswith("Ada/0.png: expected a complete PNG, got")
    assert outcomes["Grace/0.png"].kind == "no image"
    assert outcomes["Grace/0.png"].reason == (
        f"{photos.table}: line 4: expected image Grace/0.png in {photos.root}, got none"
    )
    assert len(contents(tmp_path / "out")) == 3


def test_images_without_a_row_are_counted(photos: Photos, tmp_path: Path) -> None:
    photos.table.write_text("".join(f"{row(name, found)}\n" for name, found in list(photos.points.items())[1:]))
    first = run(photos, tmp_path / "out")[0]
    assert first == CropOutcome(
        "Ada/0.png", "no landmarks", f"Ada/0.png: expected landmarks, got no row in {photos.table}"
    )


def test_a_landmark_outside_fails_its_image_only(photos: Photos, tmp_path: Path) -> None:
    text = photos.table.read_text().splitlines()
    text[2] = row("Ada/2.png", photos.points["Ada/2.png"] + np.array([100, 0], np.float32))
    photos.table.write_text("\n".join(text))
    outcomes = run(photos, tmp_path / "out")
    assert [outcome.kind == ALIGNED for outcome in outcomes] == [True, True, False, True, True, True]
    assert outcomes[2].kind == "landmark outside its image"
    assert outcomes[2].reason.startswith("Ada/2.png: expected every landmark inside 160 × 160 pixels")


def test_two_images_with_one_name_make_one_crop_and_one_failure(photos: Photos, tmp_path: Path) -> None:
    (photos.root / "Ada/0.bmp").write_bytes(encode(pseudo_face(0), "bmp"))
    outcomes = run(photos, tmp_path / "out", workers=3, detector=lambda image: FACE)
    assert [(outcome.name, outcome.kind) for outcome in outcomes[:2]] == [
        ("Ada/0.bmp", ALIGNED),
        ("Ada/0.png", "crop of another image"),
    ]
    assert outcomes[1].reason == "Ada/0.png: expected a crop of its own, got Ada/0.jpg, that of Ada/0.bmp"


class FakeDetector:
    """Knows where the faces of the photographs are by their pixels; counts how many threads are in it."""

    def __init__(self, photos: Photos) -> None:
        self.known = {
            decode_image((photos.root / name).read_bytes(), name=name).tobytes(): points
            for name, points in photos.points.items()
        }
        self.calls = self.inside = self.most = 0

    def __call__(self, image: UInt8Image) -> Landmarks | None:
        self.inside += 1
        self.calls += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.002)  # long enough for another thread to come in
        found = self.known.get(image.tobytes())
        self.inside -= 1
        return found


def test_a_detector_does_without_a_list_what_the_list_does(photos: Photos, tmp_path: Path) -> None:
    run(photos, tmp_path / "listed")
    table = LandmarkTable(photos.table)
    listed = {name: found for name in table if (found := table.landmarks(name)) is not None}
    detector = FakeDetector(photos._replace(points=listed))
    outcomes = run(photos, tmp_path / "found", table=False, detector=detector, workers=4)
    assert kinds(outcomes) == dict.fromkeys(photos.points, ALIGNED)
    assert contents(tmp_path / "found") == contents(tmp_path / "listed")
    assert (detector.calls, detector.most) == (6, 1)


def test_a_detector_is_asked_only_where_the_list_has_nothing(photos: Photos, tmp_path: Path) -> None:
    photos.table.write_text("".join(f"{row(name, found)}\n" for name, found in list(photos.points.items())[2:]))
    detector = FakeDetector(photos)
    (photos.root / "Ada/1.png").write_bytes(encode(pseudo_face(8), "png"))
    outcomes = run(photos, tmp_path / "out", detector=detector)
    assert detector.calls == 2
    assert [outcome.kind for outcome in outcomes] == [ALIGNED, "no landmarks", *[ALIGNED] * 4]
    assert outcomes[1].reason.endswith(f"got no row in {photos.table} and no face from the detector")


def test_a_full_disk_ends_the_run(photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DataError, match=r"0\.jpg: expected to write a crop, got No space left on device"):
        run(photos, tmp_path / "out", workers=2)


def test_images_are_found_at_any_depth_without_hidden_ones(tmp_path: Path) -> None:
    names = ["b/c/1.JPG", "a.jpeg", "b/.hidden.jpg", ".cache/2.jpg", "b/notes.txt", "b/ü.tiff"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b/loop").symlink_to(tmp_path)
    (tmp_path / "d").symlink_to(tmp_path / "b/c")
    assert find_images(tmp_path) == ["a.jpeg", "b/c/1.JPG", "b/ü.tiff", "d/1.JPG"]


def test_refuses_faces_that_cannot_be_aligned(photos: Photos, tmp_path: Path) -> None:
    table = LandmarkTable(photos.table)
    with pytest.raises(DataError, match="photos: expected a list of landmarks or a detector, got neither"):
        UnalignedFaces(photos.root)
    with pytest.raises(DataError, match="none: expected a folder of images, got No such file or directory"):
        UnalignedFaces(tmp_path / "none", table)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: expected a folder with images in it, got none"):
        UnalignedFaces(tmp_path / "empty", table)
    with pytest.raises(
        DataError, match=r"line 1: expected paths below .*Ada, such as '0\.png', got 'Ada/0\.png' and no"
    ):
        UnalignedFaces(photos.root / "Ada", table)

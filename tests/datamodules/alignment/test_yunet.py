"""OpenCV's detector: points in pixels of the photograph at any scale and place; bad files in one line."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

from datamodules.alignment import YuNet
from datamodules.alignment.detector import load_detector
from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.decode import read_image

REAL = Path(__file__).parents[3] / "../shared"
MODEL = REAL / "models/face_detection_yunet_2023mar.onnx"
SHARES = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
"""Where a red rectangle has its landmarks."""


class RedRectangles:
    """Stands for OpenCV's class: a face is a red rectangle with something around it."""

    def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802  OpenCV's name
        self.size = size

    def detect(self, image: UInt8Image) -> tuple[int, Any]:
        assert self.size == image.shape[1::-1]
        red = (image[..., 2] > 128) & (image[..., 0] < 128)  # blue comes first
        _, _, boxes, _ = cv2.connectedComponentsWithStats(red.astype(np.uint8))
        height, width = red.shape
        rows = [
            [x, y, w, h, *(np.array([x - 0.5, y - 0.5]) + SHARES * [w, h]).ravel(), 0.9]
            for x, y, w, h, area in boxes[1:]
            if area > 20 and x > 0 and y > 0 and x + w < width and y + h < height
        ]
        return 1, np.array(rows, np.float32) if rows else None


@pytest.fixture
def yunet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> YuNet:
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: RedRectangles())
    (tmp_path / "model.onnx").touch()
    return YuNet(tmp_path / "model.onnx")


def photograph(height: int, width: int, *boxes: tuple[int, int, int, int]) -> UInt8Image:
    image = np.full((height, width, 3), 255, np.uint8)
    for x, y, w, h in boxes:
        image[y : y + h, x : x + w] = 200, 0, 0
    return image


def points(x: int, y: int, w: int, h: int) -> Any:
    return np.array([x - 0.5, y - 0.5]) + SHARES * [w, h]


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [
        (112, 112, (20, 16, 70, 84)),
        (300, 200, (11, 150, 40, 50)),  # at the border
        (2400, 3200, (2100, 300, 380, 500)),  # shrunk to be looked at
        (64, 640, (500, 10, 33, 41)),
        (500, 500, (0, 0, 500, 500)),  # found in a frame only
        (40, 30, (0, 3, 30, 30)),
    ],
)
def test_landmarks_are_in_pixels_of_the_photograph(
    yunet: YuNet, height: int, width: int, box: tuple[int, int, int, int]
) -> None:
    found = yunet(photograph(height, width, box))
    assert found is not None
    assert found.dtype == np.float32
    assert_allclose(found, points(*box), atol=max(box[2:]) / 50)  # two pixels of where they are measured


def test_the_face_is_the_largest_and_of_two_alike_that_in_the_middle(yunet: YuNet) -> None:
    middle, beside, larger = (280, 200, 80, 100), (40, 200, 84, 100), (440, 120, 180, 240)
    for others, chosen in (((beside,), middle), ((beside, larger), larger)):
        found = yunet(photograph(480, 640, middle, *others))
        assert found is not None
        assert_allclose(found, points(*chosen), atol=4)


def test_without_a_face_there_are_no_landmarks(yunet: YuNet) -> None:
    assert yunet(photograph(100, 80)) is None


@pytest.mark.parametrize("content", [b"", b"{}", None])
def test_refuses_what_is_no_model_of_it(tmp_path: Path, content: bytes | None) -> None:
    model = tmp_path / "model.onnx"
    if content is not None:
        model.write_bytes(content)
    with pytest.raises(DataError, match=rf"{model}: expected YuNet's model, an ONNX file, got \w.*") as refusal:
        load_detector("yunet", model)
    assert "\n" not in str(refusal.value)


def test_a_model_that_was_not_fetched_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "yunet.onnx").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 232589\n")
    with pytest.raises(DataError, match=r"yunet\.onnx: expected YuNet's model, got a Git LFS pointer"):
        YuNet(tmp_path / "yunet.onnx")


def test_the_model_has_to_be_named() -> None:
    with pytest.raises(DataError, match="Expected --detector-model with --detector yunet"):
        load_detector("yunet")


@pytest.mark.skipif(not MODEL.exists(), reason="needs the detector's file")
def test_the_real_detector_finds_the_landmarks_of_real_faces_at_any_scale() -> None:
    yunet = YuNet(MODEL)
    mean = np.array([[40.9, 46.7], [71.0, 46.1], [55.9, 64.6], [43.0, 80.0], [69.9, 79.7]])  # of LFW's crops
    found = []
    for path in sorted(REAL.glob("faces/lfw/*/*_0001.jpg"))[:200:10]:
        image = read_image(path)
        landmarks = yunet(image)
        larger = yunet(np.asarray(cv2.resize(image, None, fx=3, fy=3), np.uint8))
        assert landmarks is not None
        assert larger is not None
        assert_allclose((larger + 0.5) / 3 - 0.5, landmarks, atol=6)
        found.append(landmarks)
    assert_allclose(np.mean(found, axis=0), mean, atol=3)


@pytest.mark.skipif(not MODEL.exists(), reason="needs the recogniser's file")
def test_a_model_of_another_kind_is_refused() -> None:
    other = MODEL.with_name("face_recognition_sface_2021dec.onnx")
    with pytest.raises(DataError, match=r"sface_2021dec.onnx: expected YuNet's model, an ONNX file, got error: .*"):
        YuNet(other)

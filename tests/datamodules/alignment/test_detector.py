"""The seam for detectors: whatever a user's code does becomes landmarks, none, or one line."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from datamodules.alignment.alignment_error import AlignmentError
from datamodules.alignment.detector import Detector, detect, load_detector
from datamodules.errors import DataError
from datamodules.seams.face_source import Landmarks, UInt8Image
from tests.datamodules.alignment.conftest import FACE

IMAGE = np.zeros((112, 112, 3), np.uint8)


def finds(image: UInt8Image) -> Landmarks | None:
    return FACE


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    made = types.ModuleType("my_detector")
    monkeypatch.setitem(sys.modules, "my_detector", made)
    return made


def test_factory_is_called_without_arguments(module: types.ModuleType) -> None:
    module.make = lambda: finds  # type: ignore[attr-defined]  # a module made in the test
    detector = load_detector("my_detector:make")
    assert isinstance(detector, Detector)
    assert detect(detector, IMAGE, name="a") is not None


def test_factory_is_called_with_the_detectors_file_where_it_is_given(module: types.ModuleType) -> None:
    given: list[str] = []
    module.make = lambda path: given.append(path) or finds  # type: ignore[attr-defined, func-returns-value]
    load_detector("my_detector:make", Path("weights.onnx"))
    assert given == ["weights.onnx"]


def test_lists_of_numbers_become_landmarks() -> None:
    landmarks = detect(lambda image: FACE.tolist(), IMAGE, name="a")
    assert landmarks is not None
    assert landmarks.dtype == np.float32
    assert landmarks.tolist() == FACE.tolist()
    assert detect(lambda image: None, IMAGE, name="a") is None


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("my_detector", "a detector as yunet or module:factory, got 'my_detector'"),
        (":make", "a detector as yunet or module:factory, got ':make'"),
        ("no_such_module:make", "no_such_module:make to make a detector, got ModuleNotFoundError: No module named"),
        ("my_detector:none", "my_detector:none to make a detector, got AttributeError"),
        ("my_detector:fails", "my_detector:fails to make a detector, got FileNotFoundError: no weights there"),
        ("my_detector:number", "my_detector:number to make a detector that can be called, got int"),
    ],
)
def test_refuses_what_makes_no_detector(module: types.ModuleType, spec: str, reason: str) -> None:
    def fails() -> None:
        raise FileNotFoundError("no weights\n  there")

    module.fails, module.number = fails, int  # type: ignore[attr-defined]  # a module made in the test
    with pytest.raises(DataError, match=f"^Expected {reason}"):
        load_detector(spec)


def test_a_detector_that_fails_costs_one_image() -> None:
    def fails(image: UInt8Image) -> Landmarks | None:
        raise RuntimeError("out of\nmemory")

    with pytest.raises(
        AlignmentError, match="Ada: expected landmarks from the detector, got RuntimeError: out of memory"
    ):
        detect(fails, IMAGE, name="Ada")
    for answer in (FACE[:4], FACE * np.nan):
        with pytest.raises(
            AlignmentError, match=r"Ada: expected five finite \(x, y\) from the detector, got shape"
        ) as error:
            detect(lambda image, answer=answer: answer, IMAGE, name="Ada")
        assert error.value.kind == "detector failed"


class Face(types.SimpleNamespace):
    """A face of insightface's and of uniface's."""

    def __init__(self, side: float) -> None:
        points = FACE * np.float32(side / 112)
        super().__init__(kps=points, landmarks=points, bbox_xywh=np.array([0, 0, side, side]))


class Network:
    """What both packages have: of faces in images with blue first, the largest first where one is asked for."""

    def __init__(self, **settings: object) -> None:
        self.sides = (20, 40, 30)

    def prepare(self, ctx_id: int) -> None:
        assert ctx_id == -1

    def get(self, image: UInt8Image, max_num: int) -> list[Face]:
        return sorted(self.detect(image), key=lambda face: -float(face.bbox_xywh[2]))[:max_num]

    def detect(self, image: UInt8Image) -> list[Face]:
        assert image.flags.c_contiguous
        assert image[0, 0].tolist() == [3, 2, 1]
        return [] if image.shape[0] < 40 else [Face(side) for side in self.sides]


@pytest.mark.parametrize("name", ["scrfd", "retinaface"])
def test_the_documented_detectors_take_the_largest_face_in_our_order(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = {"insightface.app": {"FaceAnalysis": Network}, "uniface.detection": {"RetinaFace": Network}}
    for package, content in packages.items():
        monkeypatch.setitem(sys.modules, package.partition(".")[0], types.ModuleType(package.partition(".")[0]))
        monkeypatch.setitem(sys.modules, package, types.SimpleNamespace(**content))
    text = (Path(__file__).parents[3] / "docs/alignment.md").read_text()
    names: dict[str, object] = {}
    code = re.search(r"```python\n(def scrfd.*?)```", text, re.DOTALL)
    assert code is not None
    exec(code[1], names)  # noqa: S102 - our own documentation
    monkeypatch.setitem(sys.modules, "mine", types.SimpleNamespace(**names))
    detector = load_detector(f"mine:{name}")
    image = np.zeros((48, 64, 3), np.uint8) + np.array([1, 2, 3], np.uint8)
    landmarks = detect(detector, image, name="a")
    assert landmarks is not None
    assert_allclose(landmarks, FACE * np.float32(40 / 112), rtol=1e-5)
    assert detect(detector, image[:30], name="a") is None

"""Maps on the page are those of the engine, whatever part of them is computed at a time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from callbacks.occlusion_sensitivity import verification_maps
from datamodules.errors import DataError
from experiments.demo_page.face_mapper import GREY
from experiments.demo_page.face_maps import FaceMap, class_map, pair_map
from experiments.demo_page.face_model import FaceModel
from experiments.demo_page.map_view import drawing, map_page
from experiments.demo_page.pair_comparison import picture
from experiments.demo_page.turns import Steps, outcome
from experiments.evaluation.face_outputs import Extraction
from experiments.evaluation.given_models import Model
from lightning_modules.extractors import OnnxExtractor
from lightning_modules.networks import Normalize
from tests.helpers.demo_models import SIDE, face_model, noise
from tests.helpers.onnx_faces import face_file


def told_and_found(steps: Steps[FaceMap]) -> tuple[list[float], FaceMap]:
    """Return what steps say is done, and what comes of them."""
    told: list[float] = []

    def telling() -> Steps[FaceMap]:
        while True:
            try:
                told.append(next(steps))
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]  # of the steps
            yield told[-1]

    return told, outcome(telling())


def convolution() -> nn.Module:
    """Return a small network that embeds."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten())


@pytest.mark.parametrize("covered", ["both", "first", "second"])
def test_a_map_in_parts_is_the_map_at_once_and_progress_ends_at_one(covered: str) -> None:
    model, faces = face_model(convolution()), torch.stack([noise(0), noise(1)])
    how: Any = {"covered": covered, "occluder": 8, "stride": 5}
    told, found = told_and_found(pair_map(model, picture(faces[0]), picture(faces[1]), **how))
    pixels = model.module.pixels(faces)
    expected = verification_maps(
        model.embedding_network,
        pixels[:1],
        pixels[1:],
        covered=covered,  # type: ignore[arg-type]  # of the three
        occluder_size=(8, 8),
        stride=5,
        fill=GREY / 255,
        method="dense",
    )
    assert np.allclose(found.values, expected.scores[0].numpy(), atol=1e-5)
    assert found.clean == pytest.approx(float(expected.clean), abs=1e-5)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_a_square_larger_than_the_face_and_a_model_without_classes_are_said() -> None:
    model, face = face_model(convolution()), picture(noise(0))
    with pytest.raises(DataError, match="toy: "):
        outcome(pair_map(model, face, face, covered="both", occluder=SIDE + 1, stride=4))
    with pytest.raises(DataError, match="toy: expected a model that was trained here and has classes"):
        outcome(class_map(model, face, occluder=8, stride=4))


def test_the_page_says_position_and_value_of_every_cell_and_cells_fill_the_face() -> None:
    face = picture(noise(0))
    found = outcome(pair_map(face_model(convolution()), face, face, covered="both", occluder=8, stride=8))
    drawn = drawing(found)
    assert drawn.count("<rect") == found.values.size
    assert f"row 8, column 16: {found.values[1, 2]:.3f}" in drawn
    assert 'role="img" aria-label="Map of the score' in drawn
    assert "Without a square the score is 1.000" in map_page(found)


def onnx_model(path: Path) -> FaceModel:
    """Return an ONNX file of a fixed batch of one as the page has it."""
    built = OnnxExtractor(str(face_file(path)), normalize=Normalize([0.0] * 3, [1.0] * 3))
    return FaceModel(Model(Extraction(built, built.image_size, "file"), str(path)))


def test_an_onnx_file_is_mapped_by_windows_and_the_map_is_that_of_the_file_itself(tmp_path: Path) -> None:
    model, faces = onnx_model(tmp_path / "face.onnx"), torch.stack([noise(0), noise(1)])
    assert model.mapper.for_faces(faces).method == "incremental"
    found = outcome(pair_map(model, *map(picture, faces), covered="both", occluder=8, stride=6))
    for row, column in ((0, 0), (2, 3), (5, 5)):
        covered = faces.clone()
        top, left = (max(0, int(at[k]) - 4) for at, k in ((found.rows, row), (found.columns, column)))
        bottom, right = int(found.rows[row]) + 4, int(found.columns[column]) + 4
        covered[:, :, top:bottom, left:right] = 128
        one, other = model.embed(covered)
        # a grey of 127.5 is no pixel: it lies between those of 127 and 128
        assert found.values[row, column] == pytest.approx(float(torch.cosine_similarity(one, other, 0)), abs=2e-3)
    assert found.note == ""
    one, other = model.embed(faces)
    assert found.clean == pytest.approx(float(torch.cosine_similarity(one, other, 0)), abs=1e-5)


def test_a_file_that_is_converted_to_something_else_is_run_as_it_is_and_the_map_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(extractor: OnnxExtractor) -> nn.Module:
        return convolution()

    monkeypatch.setattr("experiments.demo_page.face_mapper.converted", other)
    model, face = onnx_model(tmp_path / "face.onnx"), picture(noise(0))
    found = outcome(pair_map(model, face, face, covered="first", occluder=8, stride=16))
    assert "Expected embeddings (2, 8) of a converted file, got (2, 64)" in found.note
    assert "Each place took the whole network: Expected embeddings" in map_page(found)


def test_a_file_that_cannot_be_converted_is_run_as_it_is_and_the_map_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(graph: object, start: str, end: str) -> nn.Module:
        raise ValueError("Expected an operator that is known, got another")

    monkeypatch.setattr("lightning_modules.extractors.converted_onnx.trainable_part", refused)
    made = onnx_model(tmp_path / "face.onnx").mapper.for_faces(noise(0)[None])
    assert made.method == "dense"
    assert made.note == "Expected an operator that is known, got another"


class Classes(nn.Module):
    """Sees three classes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16 * 16, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)  # type: ignore[no-any-return]  # a module's


def test_the_map_of_a_class_has_its_probability_at_every_place() -> None:
    model, network = face_model(), Classes()
    model.module.logits_network = lambda: network
    face = noise(3)
    told, found = told_and_found(class_map(model, picture(face), occluder=8, stride=8))
    with torch.no_grad():
        clean = network(model.module.pixels(face[None])).softmax(1)[0]
        covered = model.module.pixels(face[None]).clone()
        covered[:, :, 4:12, 12:20] = GREY / 255
        expected = network(covered).softmax(1)[0]
    assert found.clean == pytest.approx(float(clean.max()), abs=1e-6)
    assert found.values[1, 2] == pytest.approx(float(expected[clean.argmax()]), abs=1e-5)
    assert told[-1] == pytest.approx(1)


def test_others_have_their_turn_while_a_map_is_made_and_who_leaves_ends_it() -> None:
    model, face = face_model(convolution()), picture(noise(0))
    steps = pair_map(model, face, face, covered="both", occluder=8, stride=1)
    assert 0 < next(steps) < 1
    with ThreadPoolExecutor(1) as other:
        assert other.submit(lambda: model.embed(noise(1)[None])).result(10).shape == (1, 64)
        assert other.submit(next, steps).result(10) < 1
    steps.close()
    assert next(steps, None) is None


def test_who_holds_a_model_s_turn_waits_for_nobody_who_waits_for_it() -> None:
    model, face = face_model(convolution()), picture(noise(0))
    with ThreadPoolExecutor(2) as visitors:
        with model.turn:
            waiting = visitors.submit(model.embed, noise(1)[None])
            assert model.mapper.made.method == "incremental"
            assert not waiting.done()
        assert waiting.result(10).shape == (1, 64)
        assert visitors.submit(outcome, pair_map(model, face, face, covered="both", occluder=8, stride=16)).result(60)

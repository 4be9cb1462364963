"""``python -m experiments.verification_maps``: from a model and a protocol to maps that place patches."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch.nn.functional import cosine_similarity

from datamodules.errors import DataError
from datamodules.occluders import StrategicPlacement
from datamodules.protocols.generated_protocol import generated_protocol
from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.cli import UserError
from experiments.verification_mapping.chosen_pairs import condition_of
from experiments.verification_mapping.mapped_pairs import FaceMapper
from experiments.verification_maps import verification_maps
from lightning_modules.extractors import Extractor, OnnxExtractor
from tests.experiments.runs_on_disk import CLASSIFIER, OS, SOIDN, write_run
from tests.helpers.faces_on_disk import write_image_folder
from tests.helpers.onnx_faces import face_file

PEOPLE = [f"person{number:02d}" for number in range(10)]
FEW = ["--stride=16", "--occluder=12x10", "--steps=2", "--replicates=20", "--accelerator=cpu", "--batch-size=8"]
OUT = Path("runs/verification_maps")


@pytest.fixture
def faces(tmp_path: Path) -> list[str]:
    """Ten people with two images each; options of their genuine and impostor pairs."""
    root = write_image_folder(tmp_path / "faces", dict.fromkeys(PEOPLE, 2))
    rows = [["first", "second", "same", "fold"]]
    for number, name in enumerate(PEOPLE):
        other = PEOPLE[(number + 1) % 10]
        rows += [
            [f"{name}/{name}_0001.jpg", f"{one}/{one}_0002.jpg", str(int(one == name)), "0"] for one in (name, other)
        ]
    with (tmp_path / "pairs.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return ["--protocol=pairs", f"--root={root}", "--table=pairs.csv", *FEW]


def checkpoint(kind: Any = CLASSIFIER) -> str:
    return f"--model={write_run(Path('run'), kind, system='tiny') / 'last.ckpt'}"


def measures() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OUT / "measures.json").read_text())
    return found


@pytest.mark.parametrize("kind", [CLASSIFIER, SOIDN])
def test_a_checkpoint_s_maps_are_written_drawn_and_place_patches(
    kind: Any, faces: list[str], capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    verification_maps([checkpoint(kind), *faces, "--threshold", "-1", "0.5", "--covered", "both", "first"])
    found = measures()
    assert (found["pairs"], found["identities"]) == (10, 10)
    assert set(found["maps"]) == {"both", "first"}
    for covered in ("both", "first"):
        assert found["maps"][covered]["rejected"]["-1"]["mean"] == 0
        made = OcclusionMap.load(OUT / f"rejection-{covered}-12x10--1.npz", image_size=(32, 32), occluder_size=(12, 10))
        assert not made.error.any()
        assert len(made.indices) == 20
        with Image.open(OUT / f"{covered}.png") as picture:
            assert "mean fall of the score" in picture.info["Description"]
        fall = found["maps"][covered]["fall"]
        low, high = fall["peak"]["interval"]
        assert low <= fall["peak"]["value"] <= high
    StrategicPlacement(OUT / "rejection-first-12x10-0.5.npz", 0.25)(32, 32, np.random.default_rng(0))
    assert set(found["curves"]) == {"own map", "mean map", "random"}
    assert "pixels by" in capsys.readouterr().out


def test_an_onnx_file_s_scores_are_those_of_faces_covered_by_hand(faces: list[str], tmp_path: Path) -> None:
    file = face_file(tmp_path / "face.onnx")
    verification_maps([f"--model={file}", *faces, "--threshold=0.5", "--limit=3", "--covered", "first", "--steps=0"])
    extractor = OnnxExtractor(str(file))
    with np.load(OUT / "pair_scores.npz") as kept:
        scores = next(kept[name] for name in kept.files if name.endswith(" first"))
        clean = next(kept[name] for name in kept.files if name.endswith(" clean"))
    drawn = np.random.default_rng(0).permutation(np.arange(0, 20, 2))[:3] // 2
    for n, person in enumerate(drawn):
        one, other = (_image(tmp_path / "faces" / PEOPLE[person] / f"{PEOPLE[person]}_000{k}.jpg") for k in (1, 2))
        assert clean[n] == pytest.approx(_score(extractor, one, other), abs=1e-5)
        for i, row in enumerate((0, 16, 31)):
            for j, column in enumerate((0, 16, 31)):
                covered = one.clone()
                covered[:, :, max(0, row - 6) : row + 6, max(0, column - 5) : column + 5] = 127.5
                assert scores[n, i, j] == pytest.approx(_score(extractor, covered, other), abs=1e-5)


def _image(path: Path) -> torch.Tensor:
    import cv2

    with Image.open(path) as picture:
        image = cv2.resize(np.asarray(picture.convert("RGB")), (32, 32), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(image).permute(2, 0, 1)[None].float()


def _score(extractor: OnnxExtractor, one: torch.Tensor, other: torch.Tensor) -> float:
    return float(cosine_similarity(extractor(one), extractor(other)))


def test_what_was_interrupted_goes_on_and_another_occluder_begins_anew(
    faces: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    scores = FaceMapper.scores

    def count(self: FaceMapper, first: Any, *rest: Any) -> Any:
        asked.append(len(first))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return scores(self, first, *rest)

    monkeypatch.setattr(FaceMapper, "scores", count)
    call = [checkpoint(), *faces, "--threshold=0", "--steps=0", "--dense"]
    with pytest.raises(KeyboardInterrupt):
        verification_maps(call)
    verification_maps(call)
    assert asked == [8, 2, 2]
    verification_maps(call)
    assert asked == [8, 2, 2]
    verification_maps([*call, "--fill=0"])
    assert asked == [8, 2, 2, 8, 2]


def test_thresholds_are_those_of_the_impostors(faces: list[str]) -> None:
    verification_maps([checkpoint(), *faces, "--far", "0.1", "0.5", "--steps=0", "--limit=4"])
    thresholds = measures()["thresholds"]
    assert thresholds["far=0.1"] > thresholds["far=0.5"]
    with pytest.raises(UserError, match=r"at least 1/10, one of 10 impostor scores, got 0\.001; --far or"):
        verification_maps([checkpoint_again(), *faces, "--steps=0"])


def checkpoint_again() -> str:
    return "--model=run/checkpoints/last.ckpt"


def test_a_classifier_s_map_is_compared(faces: list[str]) -> None:
    call = [checkpoint(), *faces, "--threshold=0.5"]
    verification_maps(call)
    verification_maps([*call, f"--classifier-map={OUT}/rejection-both-12x10-0.5.npz"])
    assert "classifier's map" in measures()["curves"]


def test_refuses_in_one_line(faces: list[str], tmp_path: Path) -> None:
    model = checkpoint()
    for options, said in (
        (["--threshold=1.5"], r"Expected --threshold in \[-1, 1\], got '1.5'"),
        (["--threshold=nan"], r"Expected --threshold in \[-1, 1\], got 'nan'"),
        (["--occluder=20"], "Expected --occluder as height x width in pixels, such as 20x20, got '20'"),
        (["--condition=cup"], "Expected --condition among all, got cup"),
        (["--fill=300"], r"Expected --fill in \[0, 255\], got '300'"),
        (["--threshold=1"], "Expected genuine pairs that are accepted without an occluder at 1, got none among 10"),
        (["--classifier-map=none.npz", "--threshold=0"], "none.npz: expected an occlusion map, found no such file"),
    ):
        with pytest.raises((UserError, DataError), match=said):
            verification_maps([model, *faces, *options])
    with pytest.raises(DataError, match="Expected `occluder_size` from 1 × 1 to the images' 32 × 32, got 33 × 4"):
        verification_maps([model, *faces, "--occluder=33x4", "--threshold=0"])
    write_run(tmp_path / "os", OS, system="OS")
    with pytest.raises(UserError, match="Expected a model that embeds faces, got"):
        verification_maps(["--model=os/checkpoints/last.ckpt", *faces])
    impostors = [row for row in Path("pairs.csv").read_text().splitlines() if ",1," not in row]
    Path("pairs.csv").write_text("\n".join(impostors))
    with pytest.raises(UserError, match="Expected genuine pairs, got none among 10 of pairs/all"):
        verification_maps([model, *faces, "--threshold=0"])


def test_names_the_face_whose_embedding_is_no_direction(faces: list[str], tmp_path: Path) -> None:
    described = {"class_path": "tests.experiments.test_verification_maps.Blank", "init_args": {}}
    Path("blank.yaml").write_text(yaml.safe_dump(described))
    with pytest.raises(DataError, match=r"person\d\d/person\d\d_000\d.jpg: expected embeddings other than 0 of it"):
        verification_maps(["--model=blank.yaml", *faces, "--threshold=0", "--dense"])


class Blank(Extractor):
    """Makes embeddings of zeros."""

    def __init__(self) -> None:
        super().__init__(_Zeros(), image_size=32)


class _Zeros(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0 * x.flatten(1)[:, :4]


def test_scores_are_those_of_pixels_whatever_their_names(faces: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    scores = FaceMapper.scores

    def count(self: FaceMapper, first: Any, *rest: Any) -> Any:
        asked.append(len(first))
        return scores(self, first, *rest)

    monkeypatch.setattr(FaceMapper, "scores", count)
    call = [checkpoint(), *faces, "--threshold=-1", "--steps=0", "--dense", "--limit=9"]
    verification_maps(call)
    before = measures()["maps"]["first"]["score"]
    for path in sorted(Path("faces").rglob("*_0002.jpg")):
        with Image.open(path) as picture:
            picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(path)
    verification_maps(call)
    assert asked == [8, 1, 8, 1]
    assert measures()["maps"]["first"]["score"] != before


def test_a_protocol_s_plain_faces_are_mapped_unless_another_condition_is_asked_for() -> None:
    one = generated_protocol(20, 2, cache_dir=None)
    assert (condition_of(one, None), condition_of(one, "scarf")) == ("all", "scarf")
    del one.verification["all"]  # type: ignore[attr-defined]  # a dictionary
    with pytest.raises(UserError, match="Expected --condition among sunglasses, scarf, got none"):
        condition_of(one, None)


def test_refuses_before_anything_is_mapped(faces: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FaceMapper, "scores", None)
    model = checkpoint()
    for options, said in (
        (["--classifier-map=none.npz", "--threshold=0"], "none.npz: expected an occlusion map, found no such file"),
        (["--far", "0"], r"Expected --far in \(0, 1\], got '0'"),
        (["--far", "0.001"], "at least 1/10, one of 10 impostor scores"),
        (["--threshold", "0.3", "0.3000001"], "Expected --threshold values that differ in their first six digits"),
    ):
        with pytest.raises((UserError, DataError), match=said):
            verification_maps([model, *faces, *options])

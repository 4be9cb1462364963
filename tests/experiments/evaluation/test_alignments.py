"""A model and a dataset that declare different alignments do not meet unnoticed."""

import json
from pathlib import Path

import pytest
import yaml
from torch import nn

from datamodules.alignment.declared import SETTINGS
from datamodules.protocols import EvaluationProtocol, lfw_occ, lfw_pairs
from datamodules.protocols.generated_protocol import generated_protocol
from experiments.cli import UserError
from experiments.evaluation.alignments import check_alignments
from experiments.evaluation.face_outputs import Extraction
from experiments.evaluation.given_models import Model
from experiments.evaluation.trained_module import load_trained
from lightning_modules.extractors import Extractor
from lightning_modules.networks import Normalize
from tests.datamodules.protocols.lfw_occ.small_lfw import write_small_lfw
from tests.experiments.runs_on_disk import SOIDN, write_run


def model(alignment: str | None, *, grey: bool = False) -> Model:
    extractor = Extractor(nn.Flatten(), image_size=8, normalize=Normalize(grey=grey), alignment=alignment)
    return Model(Extraction(extractor, 8, "net"), "net.yaml", alignment=alignment)


def protocol(folder: Path, **settings: object) -> EvaluationProtocol:
    root, pairs = write_small_lfw(folder)
    if settings:
        (root / SETTINGS).write_text(json.dumps(settings))
    return lfw_pairs(root, pairs)


def test_another_alignment_is_refused_unless_it_is_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    aligned = protocol(tmp_path, template="lfw")
    message = "lfw_development: expected faces aligned as net takes them, 'arcface', got 'lfw' by .*align_settings.json"
    with pytest.raises(UserError, match=rf"{message}; --allow-other-alignment evaluates all the same"):
        check_alignments([model("lfw"), model("arcface")], [aligned], allow_other=False)
    check_alignments([model("arcface")], [aligned], allow_other=True)
    said = capsys.readouterr().err + caplog.text
    assert "expected faces aligned as net takes them, 'arcface', got 'lfw'" in said


def test_occluded_copies_are_aligned_as_their_originals(tmp_path: Path) -> None:
    root, pairs = write_small_lfw(tmp_path)
    (root / SETTINGS).write_text('{"template": "lfw"}')
    occluded = lfw_occ(root, pairs, "scarf")
    with pytest.raises(UserError, match="lfw_occ: expected faces aligned as net takes them"):
        check_alignments([model("arcface")], [occluded], allow_other=False)


@pytest.mark.parametrize("alignment", ["lfw", None])
def test_equal_or_undeclared_models_pass_in_silence(
    tmp_path: Path, alignment: str | None, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    check_alignments([model(alignment)], [protocol(tmp_path, template="lfw")], allow_other=False)
    check_alignments([model("arcface")], [generated_protocol()], allow_other=False)
    assert not capsys.readouterr().err + caplog.text


def test_an_undeclared_dataset_and_grey_faces_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    check_alignments([model("arcface")], [protocol(tmp_path / "one")], allow_other=False)
    said = capsys.readouterr().err + caplog.text
    assert "lfw_development: whether its faces are aligned as net takes them, 'arcface', is not known" in said
    caplog.clear()
    grey = protocol(tmp_path / "two", template="lfw", grey=True)
    check_alignments([model("lfw"), model("lfw", grey=True)], [grey], allow_other=False)
    said = capsys.readouterr().err + caplog.text
    assert said.count("expected faces in colour, as net takes them, got grey ones") == 1


def test_a_trained_model_declares_the_alignment_of_its_faces(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", SOIDN, system="SOIDN")
    assert load_trained(str(run / "last.ckpt")).alignment is None
    config = run.parent / "config.yaml"
    content = yaml.safe_load(config.read_text())
    landmarks = {"class_path": "datamodules.sources.FixedLandmarks", "init_args": {"points": "lfw"}}
    content["data"]["init_args"]["landmarks"] = landmarks
    config.write_text(yaml.safe_dump(content))
    assert load_trained(str(run / "last.ckpt")).alignment == "lfw"

"""Models are loaded when they are asked for, each once, and one that is broken stands in no other's way."""

from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from datamodules.errors import DataError
from experiments.cli import UserError
from experiments.demo_page import model_choice
from experiments.demo_page.face_model import FaceModel
from experiments.demo_page.model_choice import MOST_LOADED, ModelChoice, trained_checkpoints
from experiments.evaluation.given_models import Model
from tests.helpers.demo_models import Mute, Quarters, face_model

OPTIONS = Namespace(image_size=None, mean=None, std=None, bgr=False)


class Files:
    """Stands for models on disk: which were loaded, and which are broken."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.waiting = Event()
        self.waiting.set()

    def model(self, path: str, options: Namespace) -> Model:
        """Return the model of a path, by what it is called."""
        self.loaded.append(path)
        if "slow" in path:
            assert self.waiting.wait(10)
        if "broken" in path:
            raise UserError(f"Expected a checkpoint, got {path}")
        kind = Quarters() if "plain" in path else Mute() if "mute" in path else None
        return face_model(kind, path).model


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    """Put models in place of files."""
    found = Files()
    monkeypatch.setattr(model_choice, "given_model", found.model)
    return found


def test_a_model_is_loaded_once_for_all_who_ask_for_it_at_once(files: Files) -> None:
    models = ModelChoice(["plain.onnx"], OPTIONS)
    with ThreadPoolExecutor(4) as visitors:
        found: list[FaceModel] = list(visitors.map(models.get, ["plain"] * 8))
    assert len(set(map(id, found))) == 1
    assert files.loaded == ["plain.onnx"]


def test_who_asks_for_a_loaded_model_does_not_wait_for_another_s(files: Files) -> None:
    models = ModelChoice(["plain.onnx", "slow.onnx"], OPTIONS)
    models.get("plain")
    files.waiting.clear()
    with ThreadPoolExecutor(2) as visitors:
        slow = visitors.submit(models.get, "slow")
        assert visitors.submit(models.get, "plain").result(10).name == "plain.onnx"
        files.waiting.set()
        assert slow.result(10).name == "slow.onnx"


def test_of_many_models_those_that_were_asked_for_last_are_kept(files: Files) -> None:
    paths = [f"plain{number}.onnx" for number in range(MOST_LOADED + 1)]
    models = ModelChoice(paths, OPTIONS)
    for name in [*models.names[:-1], "plain0", models.names[-1], "plain0", "plain1"]:
        models.get(name)
    assert files.loaded == [*paths, "plain1.onnx"]


def test_masks_are_of_the_first_checkpoint_that_segments_and_broken_ones_are_passed_over(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ModelChoice(["plain.ckpt", "broken.ckpt", "plain2.ckpt", "masks.ckpt"], OPTIONS)
    for _ in range(3):
        found = models.masks_of("plain")
        assert found is not None
        assert found.name == "masks.ckpt"
    assert files.loaded == ["plain.ckpt", "broken.ckpt", "plain2.ckpt", "masks.ckpt"]
    assert "warning: broken says no masks: Expected a checkpoint" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"Expected a checkpoint, got broken\.ckpt"):
        models.get("broken")


def test_the_page_begins_with_the_first_run_that_embeds_and_leaves_broken_ones_out(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ModelChoice(["broken.ckpt", "mute.ckpt", "plain.ckpt", "broken2.ckpt"], OPTIONS)
    assert models.begin(strict=False) == "plain"
    assert models.names == ["plain", "mute", "broken2"]
    assert "warning: broken is left out: Expected a checkpoint" in capsys.readouterr().out


def test_a_model_that_was_named_has_to_load_and_one_has_to_embed(files: Files) -> None:
    with pytest.raises(UserError, match=r"Expected a checkpoint, got broken\.ckpt"):
        ModelChoice(["broken.ckpt", "plain.ckpt"], OPTIONS).begin(strict=True)
    with pytest.raises(UserError, match="Expected a model that embeds faces, got none among 2"):
        ModelChoice(["mute.ckpt", "broken.ckpt"], OPTIONS).begin(strict=False)


def test_a_name_that_was_not_offered_loads_nothing(files: Files) -> None:
    models = ModelChoice(["plain.onnx"], OPTIONS)
    for name in ("/etc/passwd", "plain.onnx", "", "masks"):
        with pytest.raises(DataError, match="Expected a model of plain, got"):
            models.get(name)
    assert files.loaded == []


def test_runs_are_those_with_a_configuration_soidn_s_first_and_each_once(tmp_path: Path) -> None:
    for run in ("baseline/1", "soidn/2", "trunk/3"):
        (tmp_path / run / "checkpoints").mkdir(parents=True)
        (tmp_path / run / "checkpoints" / "last.ckpt").touch()
        (tmp_path / run / "config.yaml").touch()
    (tmp_path / "trunk/3/config.yaml").unlink()
    (tmp_path / "soidn/latest").symlink_to("2")
    found = [Path(path).resolve().relative_to(tmp_path).parts[:2] for path in trained_checkpoints(tmp_path)]
    assert found == [("soidn", "2"), ("baseline", "1")]

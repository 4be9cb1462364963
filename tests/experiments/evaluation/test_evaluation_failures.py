"""An evaluation that fails somewhere: what was finished stands on disk, and one line says what failed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from datamodules.errors import DataError
from experiments.cli import UserError
from experiments.evaluate import evaluate
from experiments.evaluation.embedding import embed
from experiments.evaluation.matching import compared
from experiments.evaluation.results_folder import EvaluationFolder
from tests.datamodules.protocols.lfw_occ.small_lfw import write_small_lfw
from tests.experiments.runs_on_disk import CLASSIFIER, OS, SOIDN, write_run

CODE = """
import torch
from torch import Tensor, nn
from lightning_modules.extractors import Extractor


class Net(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        means = torch.cat([x.mean((2, 3)), x.std((2, 3)), x[:, :, :4].mean((2, 3))], 1)
        if self.kind == "batch":
            return means - means.mean(0) + torch.arange(9.0)[:, None][: len(x)]
        if self.kind == "fails" and len(x) > 2:
            raise KeyError("no such\\nthing")
        if self.kind == "nothing":
            return x
        return means * {"nan": torch.nan, "zero": 0.0, "huge": 1e30}.get(self.kind, 1.0)


class Small(Extractor):
    def __init__(self, kind: str = "good") -> None:
        super().__init__(Net(kind), image_size=16)
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write an extractor that does what it is told, and return its option."""
    (tmp_path / "small_extractors.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "small_extractors", raising=False)

    def write(kind: str, folder: str = "") -> str:
        path = Path(folder, f"{kind}.yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({"class_path": "small_extractors.Small", "init_args": {"kind": kind}}))
        return f"--extractor={path}"

    return write


@pytest.fixture
def lfw(tmp_path: Path) -> list[str]:
    root, pairs = write_small_lfw(tmp_path)
    return [f"--root={root}", f"--pairs={pairs}", "--accelerator=cpu"]


@pytest.fixture
def common(lfw: list[str]) -> list[str]:
    return [*lfw, "--protocol=lfw", "--no-figures"]


def results(folder: str = "runs/evaluation") -> Any:
    return json.loads(Path(folder, "results.json").read_text())


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nan", r"nan on lfw_development: Ann/Ann_0001\.png: expected a finite embedding, got NaN or infinity"),
        (
            "fails",
            r"fails on lfw_development: .* images of shape \(4, 3, 16, 16\), got KeyError: .*no such",
        ),
    ],
)
def test_a_model_that_fails_costs_no_other(
    kind: str, message: str, small: Callable[..., str], common: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=rf"^1 of 2 evaluations failed: {message}") as refused:
        evaluate([small(kind), small("good"), *common])
    assert "\n" not in str(refused.value)
    assert results()["good"]["lfw_development"]["all"]["pairs"] == 4
    assert set(results()) == {"good"}
    said = capsys.readouterr()
    assert f"warning: failed: {kind} on lfw_development: " in said.err
    assert "good" in said.out


def test_embeddings_of_zeros_are_warned_of_and_nobody_s(
    small: Callable[..., str], common: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate([small("zero"), *common])
    found = results()["zero"]["lfw_development"]["all"]
    assert (found["auc"], found["decidability"]) == (0.5, 0.0)
    said = capsys.readouterr().err
    assert "warning: Ann/Ann_0001.png: its embedding is all zeros and alike to nobody (4 of 4 images)" in said


def test_what_was_finished_before_an_interruption_stands(
    small: Callable[..., str], common: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:

    def interrupted(extraction: Any, *args: Any, **settings: Any) -> Any:
        if extraction.name == "zero":
            raise KeyboardInterrupt
        return embed(extraction, *args, **settings)

    monkeypatch.setattr(compared, "embed", interrupted)
    with pytest.raises(UserError, match="stopped; what was finished before: runs/evaluation"):
        evaluate([small("good"), small("zero"), *common])
    assert set(results()) == {"good"}
    assert len(Path("runs/evaluation/results.csv").read_text().splitlines()) > 4


def test_a_figure_that_cannot_be_drawn_is_a_warning(
    small: Callable[..., str], lfw: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(curves: Any, path: Path) -> None:
        path.parent.mkdir(parents=True)
        path.write_text("half")
        raise MemoryError("no\nroom")

    monkeypatch.setattr("experiments.evaluation.protocol_figures.draw_roc", fail)
    evaluate([small("good"), *lfw, "--protocol=lfw"])
    folder = Path("runs/evaluation/good/lfw_development")
    said = f"warning: Expected to draw {folder / 'roc.png'}, got MemoryError: no room"
    assert capsys.readouterr().err.splitlines().count(said) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["errors_all.png", "scores.png"]
    assert results()["good"]["lfw_development"]["all"]["pairs"] == 4


@pytest.mark.parametrize("option", ["--out", "--cache"])
def test_a_folder_that_cannot_be_written_is_found_first(
    option: str, small: Callable[..., str], common: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").write_text("")
    monkeypatch.setattr(compared, "embed", None)  # would fail in another way
    with pytest.raises(UserError, match=f"can be written as {option}, got file/out: Not a directory"):
        evaluate([small("good"), *common, f"{option}=file/out"])


def test_a_broken_image_is_found_first(small: Callable[..., str], common: list[str], tmp_path: Path) -> None:
    (tmp_path / "lfw/Bea/Bea_0001.png").write_bytes(b"noise")
    with pytest.raises(DataError, match="Bea_0001"):
        evaluate([small("good"), *common])
    assert not Path("runs/evaluation/results.json").exists()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nothing", r"embeddings \(B, D\) of Net, got \(1, 3, 16, 16\) for images of shape \(1, 3, 16, 16\)"),
        ("batch", r"do not depend on the rest of the batch, got .* a cosine of .* from batch\.yaml; `batch_size: 1`"),
    ],
)
def test_a_model_that_cannot_be_used_is_found_first(
    kind: str, message: str, small: Callable[..., str], common: list[str]
) -> None:
    with pytest.raises(UserError, match=message):
        evaluate([small("good"), small(kind), *common])
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--precision=half", "options that a trainer can have, got .*--precision half: ValueError"),
        ("--accelerator=abacus", "options that a trainer can have, got --accelerator abacus, .*Error"),
        ("--devices=many", "options that a trainer can have, got --accelerator cpu, --devices many: TypeError"),
        ("--batch-size=0", "--batch-size of at least 1, got '0'"),
        ("--num-workers=-1", "--num-workers of at least 0, got '-1'"),
    ],
)
def test_options_are_checked_first(option: str, message: str, small: Callable[..., str], common: list[str]) -> None:
    with pytest.raises(UserError, match=message) as refused:
        evaluate([small("good"), *common, option])
    assert "\n" not in str(refused.value)
    assert not Path("runs").exists()


def test_earlier_results_and_figures_are_set_aside(small: Callable[..., str], common: list[str]) -> None:
    evaluate([small("good"), *common])
    before = results()
    figure = Path("runs/evaluation/good/lfw_development/roc.png")
    figure.parent.mkdir(parents=True)
    figure.write_text("drawn")
    evaluate([small("other", "elsewhere"), *common])
    evaluate([small("good"), *common])
    assert results("runs/evaluation/earlier/1") == before
    assert Path("runs/evaluation/earlier/1/good/lfw_development/roc.png").read_text() == "drawn"
    assert set(results("runs/evaluation/earlier/2")) == {"other"}
    assert set(results()) == {"good"}
    assert not figure.exists()  # none were drawn


def test_models_of_one_name_are_told_apart_and_one_that_is_given_twice_is_one(
    small: Callable[..., str], common: list[str]
) -> None:
    two = [small("good", "one"), small("good", "two")]
    evaluate([*two, two[0], *common])
    assert list(results()) == ["good (one/good)", "good (two/good)"]
    given = json.loads(Path("runs/evaluation/given.json").read_text())
    assert given["models"] == {"good (one/good)": "one/good.yaml", "good (two/good)": "two/good.yaml"}


def test_names_that_differ_in_signs_or_case_have_folders_of_their_own(tmp_path: Path) -> None:
    names = ["a (x/b)", "a (x_b)", "A_x_b", "...", "results.json", "earlier"]
    folder = EvaluationFolder(tmp_path / "out", names, ["lfw", "a/b", "a b"])
    folders = {folder.figures(name, protocol) for name in names for protocol in ("lfw", "a/b", "a b")}
    assert len({str(path).casefold() for path in folders}) == 18
    assert {path.parents[1] for path in folders} == {tmp_path / "out"}
    assert not {path.parent.name for path in folders} & {"results.json", "earlier"}


def test_checkpoints_of_one_run_are_told_apart(common: list[str], tmp_path: Path) -> None:
    folder = write_run(tmp_path / "runs/demo/version_0", CLASSIFIER, system="Net", names=("last", "best"))
    evaluate([f"--checkpoint={folder}/best.ckpt", f"--checkpoint={folder}/last.ckpt", *common])
    assert list(results()) == ["Net (demo-version_0, best)", "Net (demo-version_0)"]
    best, last = (found["lfw_development"]["all"] for found in results().values())
    assert best != last


def test_a_segmentation_network_is_measured_where_there_are_label_maps(
    lfw: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = f"--checkpoint={write_run(tmp_path / 'runs/os/version_0', OS, system='OS network')}/last.ckpt"
    evaluate([checkpoint, *lfw, "--protocol=lfw", "--protocol=lfw_occ", "--categories", "scarf", "cup"])
    found = results()["OS network (os-version_0)"]
    assert list(found) == ["lfw_occ"]
    for condition in ("scarf", "cup"):
        measures = found["lfw_occ"][condition]
        assert set(measures) == {"covered", "iou", "iou_clean", "iou_occluded", "false_alarm"}
        assert measures["covered"] == 4
        assert measures["iou"] == pytest.approx((measures["iou_clean"] + measures["iou_occluded"]) / 2, abs=1e-6)
    said = capsys.readouterr().out
    assert "OS network (os-version_0): nothing to measure on lfw_development: " in said
    assert "iou" in said
    assert Path("runs/evaluation/OS_network_os-version_0/lfw_occ_scarf/segmentation.png").stat().st_size > 1000
    with pytest.raises(UserError, match="a model and a protocol with something to measure, got none"):
        evaluate([checkpoint, *lfw, "--protocol=lfw"])


def test_a_soidn_is_measured_in_both_ways(lfw: list[str], tmp_path: Path) -> None:
    checkpoint = f"--checkpoint={write_run(tmp_path / 'runs/soidn/version_0', SOIDN, system='SOIDN')}/last.ckpt"
    evaluate([checkpoint, *lfw, "--protocol=lfw_occ", "--categories", "scarf", "--no-figures"])
    measures = results()["SOIDN (soidn-version_0)"]["lfw_occ"]["scarf"]
    assert {"pairs", "auc", "iou", "false_alarm"} <= set(measures)

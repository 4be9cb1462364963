"""``python -m experiments.evaluate_models``: recognisers of a folder, clean and occluded, with paired intervals."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from datamodules.errors import DataError
from experiments.cli import UserError
from experiments.evaluate import evaluate
from experiments.evaluate_models import evaluate_models
from experiments.model_comparison.comparison_file import load_comparison
from experiments.model_comparison.listed_models import listed_models
from experiments.runs.layers import TABLES
from tests.datamodules.protocols.lfw_files import write_lines
from tests.helpers.faces_on_disk import write_image_folder
from tests.helpers.onnx_files import write_means

NAMES = [f"P{number:02}" for number in range(12)]
MEASURES = ["frr", "far", "eer", "accuracy"]
TABLE: dict[str, object] = {
    "title": "Two <networks>",
    "clean": {"protocol": "lfw"},
    "occluded": [{"protocol": "lfw_occ", "severity": severity} for severity in ("low", "high")],
    "threshold_far": 0.1,
    "measures": MEASURES,
    "replicates": 100,
}


@pytest.fixture
def command(alone: Path) -> list[str]:
    """Write twelve people's faces and pairs in two folds, three networks of which one is none, and a table."""
    write_image_folder(alone / "lfw", dict.fromkeys(NAMES, 2), size=(64, 64), extension="png")
    lines = ["2\t6"]
    for fold in (NAMES[:6], NAMES[6:]):
        lines += [f"{name}\t1\t2" for name in fold]
        lines += [f"{name}\t1\t{other}\t2" for name, other in zip(fold, fold[1:] + fold[:1], strict=True)]
    pairs = write_lines(alone, lines)
    (alone / "nets").mkdir()
    write_means(alone / "nets/means.onnx")
    write_means(alone / "nets/two.onnx", outputs=("two",))
    write_means(alone / "nets/map.onnx", outputs=("map",))
    Path("table.yaml").write_text(yaml.safe_dump(TABLE))
    data = ["--models=nets", "--lfw=lfw", f"--pairs={pairs}", "--table=table.yaml", "--accelerator=cpu"]
    return [*data, "--categories", "scarf", "cup"]


def numbers() -> dict[tuple[str, str, str], list[float]]:
    rows = csv.reader(Path("runs/real_models/comparison.csv").read_text().splitlines()[1:])
    return {(model, condition, measure): [*map(float, values)] for model, condition, measure, *values in rows}


def test_figures_are_those_of_evaluate_with_intervals_around_them(command: list[str]) -> None:
    evaluate_models(command)
    found = numbers()
    conditions = ["clean", *(f"{name}/{severity}" for severity in ("low", "high") for name in ("scarf", "cup"))]
    assert set(found) == {(m, c, x) for m in ("means", "two") for c in conditions for x in MEASURES}
    assert all(low <= value + 1e-6 and value <= high + 1e-6 for value, low, high in found.values())
    assert any(high > low for _, low, high in found.values())

    results = json.loads(Path("runs/real_models/results.json").read_text())
    given = json.loads(Path("runs/real_models/given.json").read_text())
    assert given["protocols"] == ["lfw", "lfw_occ/low", "lfw_occ/high"]
    pairs = command[2].partition("=")[2]
    words = ["--extractor=nets/means.onnx", "--protocol=lfw_occ", "--severity=high", "--categories=cup"]
    evaluate([*words, "--root=lfw", f"--pairs={pairs}", "--out=alone", "--no-figures", "--accelerator=cpu"])
    alone = json.loads(Path("alone/results.json").read_text())["means"]["lfw_occ"]["cup/high"]
    for name, value in alone.items():
        assert results["means"]["lfw_occ"]["cup/high"][name] == value
    for measure in ("eer", "accuracy"):
        assert found["means", "cup/high", measure][0] == pytest.approx(alone[measure], abs=1e-6)
    realised = results["means"]["lfw_occ"]["cup/high"]["realised_frr@far=0.1"]
    assert found["means", "cup/high", "frr"][0] == pytest.approx(realised, abs=1e-6)
    assert found["means", "clean", "far"][0] <= 0.1


def test_the_page_says_what_was_measured_and_what_was_left_out(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate_models(command)
    page = Path("runs/real_models/report.html").read_text()
    assert "Two &lt;networks&gt;" in page
    for said in ("Severity: low", "Severity: high", "What occluders cost", "two − means", "nets/map.onnx: Expected"):
        assert said in page
    assert page.count("<img src=") == len(MEASURES)
    assert "http" not in page.partition("</style>")[2]
    printed = capsys.readouterr()
    assert "False reject rate at the threshold" in printed.out
    assert "left out: nets/map.onnx" in printed.err


def test_the_same_again_gives_the_same_page(command: list[str]) -> None:
    evaluate_models(command)
    first = numbers()
    evaluate_models(command)
    assert numbers() == first
    (earlier,) = Path("runs/real_models/earlier").iterdir()
    assert {path.name for path in earlier.iterdir()} >= {"report.html", "comparison.csv", "results.json"}


def test_an_earlier_page_does_not_stand_beside_results_that_it_is_not_of(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate_models(command)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.evaluation.evaluation_tasks.EvaluationRun._measure", stopped)
    with pytest.raises(UserError, match="stopped; what was finished before: runs/real_models"):
        evaluate_models(command)
    assert sorted(path.name for path in Path("runs/real_models").iterdir()) == ["earlier", "given.json"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"occluded": []}, r"table\.yaml: occluded: .* at least 1 item"),
        ({"measures": ["tar"]}, r"table\.yaml: measures\.0: Input should be 'frr', 'far', 'eer' or 'accuracy'"),
        ({"threshold_far": 0.5}, r"table\.yaml: threshold_far: expected one of 0\.0001, .*, got 0\.5"),
        ({"clean": {"protocol": "lfw", "severity": "huge"}}, r"table\.yaml: severity: expected one of .*, got 'huge'"),
        ({"replicate": 3}, r"table\.yaml: replicate: Extra inputs"),
        ({"threshold_far": 0.001}, r"lfw: expected pairs for a threshold at FAR 0\.001, got 12 impostors"),
        ({"clean": {"protocol": "nope"}}, "Expected --protocol among"),
        (
            {"occluded": [{"protocol": "lfw_occ"}] * 2},
            r"table\.yaml: occluded: expected each once, got lfw_occ 2 times",
        ),
    ],
)
def test_refuses_a_table_in_one_line(command: list[str], changed: dict[str, object], message: str) -> None:
    Path("table.yaml").write_text(yaml.safe_dump(TABLE | changed))
    with pytest.raises(UserError, match=message) as refusal:
        evaluate_models(command)
    assert "\n" not in str(refusal.value)
    assert not Path("runs/real_models").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--models=nothing"], "Expected a folder of models, got nothing: nothing there"),
        (["--models=lfw"], r"lfw: expected models \(.*, or exported folders\), got none of 12 entries"),
        (["--lfw=nothing"], "nothing: expected a folder of images"),
        (["--nope=1"], "unrecognized arguments: --nope=1"),
        (["--severity=high"], r"got --severity, which --models, --lfw and --table settle"),
        (["--extractor", "nets/two.onnx"], r"got --extractor, which"),
        (["--checkpoint=last.ckpt"], r"got --checkpoint, which"),
        (["--root=others"], r"got --root, which"),
        (["--threshold-far=0.01"], r"got --threshold-far, which"),
    ],
)
def test_refuses_options_in_one_line(command: list[str], words: list[str], message: str) -> None:
    with pytest.raises((UserError, DataError), match=message):
        evaluate_models([*command[:5], *words])


def test_only_what_is_no_recogniser_is_refused_with_its_reason(command: list[str]) -> None:
    for name in ("means", "two"):
        Path(f"nets/{name}.onnx").unlink()
    with pytest.raises(UserError, match=r"nets: expected a recogniser, got none: nets/map\.onnx: Expected"):
        evaluate_models(command)


def test_pixel_options_are_of_networks_own_files_and_leave_described_ones_alone(command: list[str]) -> None:
    settings = {"path": "nets/two.onnx"}
    described = {"class_path": "lightning_modules.extractors.OnnxExtractor", "init_args": settings}
    Path("nets/described.yaml").write_text(yaml.safe_dump(described))
    evaluate_models([*command, "--mean", "0", "--std", "1"])
    assert {model for model, _, _ in numbers()} == {"means", "two", "described"}
    for name in ("means", "two", "map"):
        Path(f"nets/{name}.onnx").rename(f"{name}.onnx")
    with pytest.raises(UserError, match="Expected an ONNX or TorchScript file as --extractor with --mean, got none"):
        evaluate_models([*command, "--mean", "0"])


def test_says_why_no_model_could_be_evaluated(command: list[str]) -> None:
    for name in ("two", "map"):
        Path(f"nets/{name}.onnx").unlink()
    with pytest.raises(UserError, match=r"no model could be evaluated: means on lfw: .*\.png: .*NaN or infinity"):
        evaluate_models([*command, "--std=1e-38"])
    assert not Path("runs/real_models/report.html").exists()


def test_a_network_that_a_yaml_file_describes_is_one_model(tmp_path: Path) -> None:
    for name in ("a.onnx", "a.yaml", "b.pt", "c.onnx", "d.pth", "e.safetensors", ".hidden.onnx", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported/model.yaml").touch()
    (tmp_path / "empty").mkdir()
    found = [Path(path).name for path in listed_models(tmp_path)]
    assert found == ["a.yaml", "b.pt", "c.onnx", "d.pth", "e.safetensors", "exported"]


def test_the_suites_own_table_is_one() -> None:
    comparison = load_comparison(TABLES / "real_models.yaml")
    assert [setting.severity for setting in comparison.occluded] == ["low", "medium", "high"]

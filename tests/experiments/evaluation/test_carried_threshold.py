"""A threshold set by one evaluation and used in another: what it does there, and what is refused."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import yaml

from experiments.cli import UserError
from experiments.evaluate import evaluate
from tests.helpers.faces_on_disk import write_image_folder
from tests.helpers.onnx_files import write_means

PEOPLE = [f"person{number:02d}" for number in range(12)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("weights")
    for seed in (0, 1):
        torch.manual_seed(seed)
        torch.save(timm.create_model("resnet10t").state_dict(), folder / f"{seed}.pth")
    return [folder / "0.pth", folder / "1.pth"]


@pytest.fixture
def common(tmp_path: Path, weights: list[Path]) -> list[str]:
    """Options of a network and of twelve people's pairs, clean and under the condition of another table."""
    root = write_image_folder(tmp_path / "faces", dict.fromkeys(PEOPLE, 3))
    for shift, table in ((2, "pairs.csv"), (5, "other.csv")):
        rows = [["first", "second", "same"]]
        for number, name in enumerate(PEOPLE):
            one, two = (f"{name}/{name}_{shot:04d}.jpg" for shot in (1, 2))
            strangers = [PEOPLE[(number + step) % 12] for step in (shift, shift + 1)]
            rows += [[one, two, "1"], *([one, f"{other}/{other}_0003.jpg", "0"] for other in strangers)]
        with Path(table).open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    for name, path in zip(("net", "other"), weights, strict=True):
        settings = {"model_name": "resnet10t", "image_size": 32, "weights": str(path)}
        described = {"class_path": "lightning_modules.extractors.TimmExtractor", "init_args": settings}
        Path(f"{name}.yaml").write_text(yaml.safe_dump(described))
    return ["--protocol=pairs", f"--root={root}", "--accelerator=cpu", "--no-figures"]


def first(common: list[str], *more: str) -> dict[str, Any]:
    evaluate(["--extractor=net.yaml", "--table=pairs.csv", "--out=first", *common, *more])
    return measures("first")


def second(common: list[str], *more: str) -> dict[str, Any]:
    evaluate([*common, "--extractor=net.yaml", "--threshold-from=first/results.json", "--out=second", *more])
    return measures("second")


def measures(folder: str, protocol: str | None = None) -> dict[str, Any]:
    (found,) = json.loads(Path(folder, "results.json").read_text()).values()
    of: dict[str, Any] = found[protocol or next(iter(found))]["all"]
    return of


def test_on_its_own_protocol_a_threshold_keeps_its_rate_and_rejects_the_rest(
    common: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    set_there = first(common)
    assert set_there["threshold@far=0.01"] is None  # of 24 impostors
    used = second(common, "--table=pairs.csv")
    assert used["carried_threshold@far=0.1"] == set_there["threshold@far=0.1"]  # to the last digit
    assert used["realised_far@far=0.1"] == pytest.approx(2 / 24, abs=1e-6)
    assert used["realised_frr@far=0.1"] == pytest.approx(1 - set_there["tar@far=0.1"], abs=1e-6)
    assert used["realised_far@far=0.1_low"] < used["realised_far@far=0.1"] < used["realised_far@far=0.1_high"]
    said = capsys.readouterr().out
    assert "set for FAR 0.1 by pairs/all, from first/results.json" in said
    assert "realised frr@far=0.1" in said


def test_it_is_carried_to_other_pairs_whatever_the_model_is_called(common: list[str]) -> None:
    set_there = first(common)
    Path("net.yaml").rename("renamed.yaml")
    Path("other.yaml").rename("net.yaml")
    with pytest.raises(UserError, match=r"Expected a threshold of net \(\w{12}\), got from .* those of net \(\w{12}\)"):
        second(common, "--table=other.csv")
    Path("renamed.yaml").rename("net.yaml")
    used = second(common, "--table=other.csv")
    assert used["carried_threshold@far=0.1"] == set_there["threshold@far=0.1"]
    rows = list(csv.DictReader(Path("second/results.csv").read_text().splitlines()))
    (written,) = (row for row in rows if row["measure"] == "carried_threshold@far=0.1")
    assert float(written["value"]) == set_there["threshold@far=0.1"]
    assert json.loads(Path("second/given.json").read_text())["thresholds"]["net"].endswith("by pairs/all")


def test_it_is_carried_to_the_same_file_in_another_folder(common: list[str], tmp_path: Path) -> None:
    write_means(tmp_path / "net.onnx", ("N", 3, 8, 8))
    evaluate([*common, "--extractor=net.onnx", "--table=pairs.csv", "--out=first"])
    Path("models").mkdir()
    Path("net.onnx").rename("models/moved.onnx")
    options = [*common, "--table=other.csv", "--threshold-from=first/results.json", "--out=second"]
    for name in ("models/moved.onnx", str(tmp_path / "models/moved.onnx")):
        evaluate([*options, f"--extractor={name}"])
        assert measures("second")["carried_threshold@far=0.1"] == measures("first")["threshold@far=0.1"]
    write_means(Path("models/moved.onnx"), ("N", 3, 8, 8), outputs=("two",))
    with pytest.raises(UserError, match="Expected a threshold of moved"):
        evaluate([*options, "--extractor=models/moved.onnx"])


def test_several_protocols_are_told_apart_by_name(common: list[str]) -> None:
    first(common)
    results = json.loads(Path("first/results.json").read_text())
    results["net"]["mine"] = {"a": {"threshold@far=0.25": 0.5}, "b": {"threshold@far=0.1": 0.75}}
    Path("first/results.json").write_text(json.dumps(results))
    with pytest.raises(UserError, match=r"one of those with thresholds, pairs/all, mine/a, mine/b, got None"):
        second(common, "--table=other.csv")
    with pytest.raises(UserError, match=r"one of those with thresholds, .*, got mine"):
        second(common, "--table=other.csv", "--threshold-protocol=mine")
    assert second(common, "--table=other.csv", "--threshold-protocol=mine/a")["carried_threshold@far=0.25"] == 0.5
    with pytest.raises(UserError, match=r"Expected --threshold-far to be one of 0\.1, got 0\.001"):
        second(common, "--table=other.csv", "--threshold-protocol=pairs", "--threshold-far=0.001")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("results.json", "[1]", r"Expected results of an evaluation, got first/results\.json: all: Input should be"),
        ("results.json", '{"net": {"pairs": 3}}', r"got first/results\.json: net/pairs: Input should be"),
        ("results.json", '{"net": {"pairs": {"all": {"eer": NaN}}}}', r"net/pairs/all/eer.*: Input should be a finite"),
        ("results.json", "{", r"got first/results\.json: all: Invalid JSON"),
        ("given.json", '{"models": {}}', r"got first/given\.json: protocols: Field required"),
        ("results.json", '{"net": {"pairs": {"all": {"eer": 0.5}}}}', r"one of those with thresholds, none, got None"),
        ("results.json", "{}", r"Expected a threshold of net"),
    ],
)
def test_refuses_what_is_no_evaluation(file: str, content: str, message: str, common: list[str]) -> None:
    first(common)
    Path("first", file).write_text(content)
    with pytest.raises(UserError, match=message) as refused:
        second(common, "--table=other.csv")
    assert "\n" not in str(refused.value)
    assert not Path("second/results.json").exists()


def test_refuses_thresholds_of_other_scores(common: list[str]) -> None:
    first(common)
    given = json.loads(Path("first/given.json").read_text())
    Path("first/given.json").write_text(json.dumps({**given, "scores": "Euclidean distances"}))
    with pytest.raises(UserError, match="Expected thresholds of cosine similarities, got those of Euclidean distances"):
        second(common, "--table=other.csv")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--threshold-far=0.1", "Expected --threshold-from with --threshold-far, got none"),
        ("--threshold-protocol=lfw", "Expected --threshold-from with --threshold-protocol, got none"),
        ("--threshold-far=2", r"Expected --threshold-far in \(0, 1\], got '2'"),
        ("--threshold-far=nan", r"Expected --threshold-far in \(0, 1\], got 'nan'"),
        ("--threshold-from=nowhere.json", r"Expected results of an evaluation, got nowhere\.json: No such file"),
    ],
)
def test_refuses_options(option: str, message: str, common: list[str]) -> None:
    with pytest.raises(UserError, match=message):
        evaluate([*common, "--extractor=net.yaml", "--table=pairs.csv", option])


def test_thresholds_of_results_are_written_to_the_last_digit(common: list[str]) -> None:
    threshold = first(common)["threshold@far=0.1"]
    assert threshold == float(np.float32(threshold))
    assert threshold != round(threshold, 6)

"""``make compare-triplets``: A, B and C from one model A, evaluated alike, on a handful of people."""

import json
import math
from pathlib import Path

import pytest
import yaml

from experiments.cli import UserError
from experiments.triplets import COMPARED, MEASURES, MODELS, PUBLISHED, compare, differences, table_2
from tests.experiments.conftest import Options

FEW = ["A", "A′", "C", "B_20×20"]


@pytest.fixture
def small(tiny: Options) -> Options:
    changes = {
        "source.init_args.images_per_identity": 10,
        "min_images": 10,
        "validation_share": 0.4,
        "identity_batches": "{identities: 4, images: 2}",
    }
    keys = [f"--data.init_args.{key}={value}" for key, value in changes.items()]
    return [*tiny, *keys, "--trainer.max_epochs=1", "--stride=16", "--images=4"]


@pytest.mark.slow
def test_models_are_trained_once_and_start_where_the_paper_says(
    small: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    compare(["--models", *FEW, *small])
    folder = Path("runs/occlusion_maps")
    results = json.loads((folder / "triplets.json").read_text())
    assert set(results) == set(FEW)
    assert all(set(results[name]["0"]) == set(MEASURES) for name in FEW)
    first = capsys.readouterr().out
    assert "Unseen people" in first

    compare(["--models", *FEW, *small])
    again = capsys.readouterr().out
    assert again.count("trained before with the same settings") == len(FEW) + 2  # model A and A_20×20 themselves
    assert json.loads((folder / "triplets.json").read_text()) == results

    records = {p.name.rpartition("-")[0]: json.loads(p.read_text()) for p in (folder / "seed0").glob("*.json")}
    b = yaml.safe_load((Path(records["B_20×20-evaluated"]["folder"]) / "config.yaml").read_text())
    assert b["model"]["init_args"]["initial_weights"] == records["A_20×20"]["checkpoint"]
    patch = b["data"]["init_args"]["training_occluder"]["init_args"]["occluders"]["noise_patch"]["init_args"]
    assert patch["placement"]["init_args"] == {"map_file": records["A"]["placement"][0], "temperature": 0.25}
    c = yaml.safe_load((Path(records["C-evaluated"]["folder"]) / "config.yaml").read_text())
    assert c["model"]["init_args"]["initial_weights"] == records["A"]["checkpoint"]
    assert c["data"]["init_args"]["training_occluder"] is None
    assert records["A-evaluated"]["checkpoint"] == records["A"]["checkpoint"]
    assert (Path(records["C-evaluated"]["folder"]) / "figures/score_distributions.png").exists()


def measures(accuracy: float, decidability: float) -> dict[str, float]:
    return {measure: decidability if "decidability" in measure else accuracy for measure in MEASURES}


def test_differences_are_paired_by_seed() -> None:
    results = {
        "A": {0: measures(80, 2.0), 1: measures(90, 2.5), 2: measures(70, 3.0)},
        "B": {0: measures(81, 2.1), 1: measures(92, 2.6), 2: measures(73, 3.1)},
    }
    table = differences(results)
    assert list(table.columns[0].cells) == ["B − A"]
    assert list(table.columns[1].cells) == ["+2.0 ± 2.5"]  # 1, 2, 3: 4.303 · 1 / √3
    assert list(table.columns[3].cells) == ["+0.10 ± 0.00"]


def test_table_has_the_papers_figures_beside_ours() -> None:
    table = table_2({"A": {0: measures(80, 2.0), 1: measures(90, 3.0)}, "A′": {0: {}}})
    assert list(table.columns[1].cells) == ["85.0 ± 7.1", "–"]
    assert list(table.columns[3].cells) == ["2.50 ± 0.71", "–"]
    assert list(table.columns[-1].cells) == ["97.33 ± 0.71", ""]


def test_published_figures_are_those_of_the_papers_table() -> None:
    assert math.isclose(sum(mean for mean, _ in PUBLISHED.values()), 1173.51)
    assert set(PUBLISHED) < set(MODELS)
    for size in ("", "_20×20", "_20×40", "_40×40"):  # each C tops its group
        assert PUBLISHED[f"C{size}"] > PUBLISHED[f"B{size}"] > PUBLISHED[f"A{size}"]
    assert {name for pair in COMPARED for name in pair} <= set(MODELS)


@pytest.mark.parametrize("args", [["--models", "D"], ["--scale", "large"], ["--data", "nowhere"]])
def test_refuses_what_it_does_not_know(args: list[str]) -> None:
    with pytest.raises(UserError):
        compare(args)

"""``make occlusion-maps``: the chain from model A to Table 1, on a handful of people."""

import json
import math
from pathlib import Path

import pytest

from datamodules.occlusion_map_file import OcclusionMap
from experiments.cli import UserError
from experiments.model_a import SIZES
from experiments.occlusion_maps import MODELS, PUBLISHED, chain, differences, table_1
from tests.experiments.conftest import Options

FEW = ["A", "A_20×40", "A_20×40R", "A′", "A_20×20 refreshed"]


@pytest.fixture
def small(tiny: Options) -> Options:
    changes = {"source.init_args.images_per_identity": 10, "min_images": 10, "validation_share": 0.4}
    keys = [f"--data.init_args.{key}={value}" for key, value in changes.items()]
    return [*tiny, *keys, "--trainer.max_epochs=3", "--stride=16", "--images=4"]


@pytest.mark.slow
def test_chain_leaves_table_maps_and_figures_and_is_not_run_twice(
    small: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    chain(["--models", *FEW, *small])
    folder = Path("runs/occlusion_maps")
    results = json.loads((folder / "results.json").read_text())
    assert set(results) == set(FEW)
    for name in FEW:
        for size in SIZES:
            values = results[name]["0"][size.name]
            assert 0 <= values["minimum"] <= values["accuracy"] <= 100
            assert 1 <= values["images"] <= 4
    for figure in ("figure_1.png", "figure_2.png"):
        assert (folder / "seed0" / figure).stat().st_size > 1000
    first = capsys.readouterr().out
    assert "Accuracy under an occluder" in first

    chain(["--models", *FEW, *small])
    again = capsys.readouterr().out
    assert again.count("trained before with the same settings") == len(FEW)
    assert json.loads((folder / "results.json").read_text()) == results

    record = json.loads(next((folder / "seed0").glob("A-*.json")).read_text())
    placement, scoring = (OcclusionMap.load(record[subset][0]) for subset in ("placement", "scoring"))
    assert not set(placement.indices) & set(scoring.indices)
    assert placement.model == scoring.model
    refreshed = list(Path("runs").rglob("placement-10x10-epoch1.npz"))
    assert len(refreshed) == 1  # every second of three epochs


def measures(accuracy: float) -> dict[str, dict[str, float]]:
    return {size.name: {"accuracy": accuracy, "std": 10.0, "minimum": 50.0, "images": 9.0} for size in SIZES}


def test_differences_are_paired_by_seed() -> None:
    results = {
        "A_20×20": {0: measures(80), 1: measures(92), 2: measures(70)},
        "A_20×20R": {0: measures(79), 1: measures(90), 2: measures(67)},
    }
    table = differences(results)
    assert table.row_count == 1
    assert list(table.columns[1].cells) == ["+2.0 ± 2.5"]  # 1, 2, 3: 4.303 · 1 / √3
    assert list(table.columns[2].cells) == ["+0.0 ± 0.0"]


def test_table_has_the_papers_figures_beside_ours() -> None:
    table = table_1({"A": {0: measures(80), 1: measures(90)}, "A′": {0: measures(1)}})
    assert list(table.columns[1].cells) == ["85.0 ± 10.0", "1.0 ± 10.0"]
    assert list(table.columns[3].cells) == ["92.9 ± 10.99", ""]


def test_published_figures_are_those_of_the_papers_table() -> None:
    assert set(PUBLISHED) < set(MODELS)
    assert math.isclose(sum(accuracy for row in PUBLISHED.values() for accuracy, _ in row), 1957.92)
    assert [size.temperature for size in SIZES] == [0.25, 0.4, 0.6]
    assert [size.at("demo") for size in SIZES] == [(10, 10), (10, 20), (20, 20)]
    assert [size.at("paper") for size in SIZES] == [(20, 20), (20, 40), (40, 40)]


@pytest.mark.parametrize("args", [["--models", "B"], ["--scale", "large"], ["--data", "nowhere"]])
def test_refuses_what_it_does_not_know(args: list[str]) -> None:
    with pytest.raises(UserError):
        chain(args)

"""Names of measures are those that runs and evaluations have; what asks for another is refused before training."""

import ast
from pathlib import Path
from typing import Any

import pytest

from experiments import results
from experiments.cli import UserError, parse
from experiments.measures import evaluated_conditions, logged_names, monitored, protocol_names
from experiments.runs.layers import CONFIGS, CONFIGURATIONS, merged


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_chooses_the_best_checkpoint_is_logged(name: str) -> None:
    config = merged(name)
    names = logged_names(config)
    assert names.are_all
    assert [name for _, name in monitored(config)]
    assert all(names.have(name) for _, name in monitored(config))


def test_the_test_s_conditions_are_its_occluders() -> None:
    config = merged("soidn_demo")
    config["data"]["init_args"]["evaluation_occluders"]["init_args"]["probabilities"] = {"scarf": 1, "cup": 1}
    assert evaluated_conditions(config["data"]) == ("scarf", "cup")
    names = {name for name in logged_names(config).known if name.startswith("test/rank1/")}
    assert names == {f"test/rank1/{condition}" for condition in ("none", "scarf", "cup", "occluded")}
    config["data"]["init_args"]["evaluation_occluders"] = None
    names = {name for name in logged_names(config).known if name.startswith("test/rank1/")}
    assert names == {"test/rank1/none"}


@pytest.mark.parametrize("part", ["model", "data", "trainer"])
def test_of_somebody_s_own_classes_nothing_is_refused(part: str) -> None:
    config = merged("trunk_demo")
    if part == "trainer":
        config["trainer"]["callbacks"].append("mine.Callback")
    else:
        config[part]["class_path"] = "mine.Own"
    names = logged_names(config)
    assert not names.are_all
    assert names.have("val/whatever")
    assert not names.have("ar/whatever")


def test_a_subclass_may_log_more_unless_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.py").write_text(
        "from lightning_modules import ClassifierModule\n"
        "class More(ClassifierModule): pass\n"
        "class Other(ClassifierModule): logged = {'val': ('centre_loss',)}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = merged("trunk_demo")
    config["model"]["class_path"] = "own.More"
    assert logged_names(config).have("val/centre_loss")
    config["model"]["class_path"] = "own.Other"
    assert logged_names(config).have("val/centre_loss")
    assert not logged_names(config).have("val/loss")


def test_protocols_have_measures_by_what_they_compare() -> None:
    found = protocol_names()
    assert set(found) == {"generated", "covered", "lfw", "lfw_occ", "ar"}
    assert {"ar/scarf/rank1", "ar/sunglasses/session2/left/rank10", "ar/illumination/eer"} <= found["ar"]
    assert "ar/scarf/accuracy" not in found["ar"]  # it has no folds
    assert {"lfw/all/accuracy", "lfw_occ/cup/tar@far=0.001"} <= found["lfw"] | found["lfw_occ"]


def test_published_figures_stand_beside_systems_and_measures_that_there_are() -> None:
    measured = logged_names(merged("soidn_demo")).known.union(*protocol_names().values())
    published = {system: results.published(system) for system in {merged(name)["system"] for name in CONFIGURATIONS}}
    assert {system for system, figures in published.items() if figures} == {"Trunk", "Baseline", "SOIDN", "OS network"}
    assert {name for figures in published.values() for name in figures} <= measured
    assert published["SOIDN"]["test/accuracy/cup"] == 89.9  # Table 3


def test_the_table_of_a_run_asks_for_measures_that_there_are() -> None:
    asked: set[str] = set()

    class Asked(dict[str, float]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.add(name)
            return default

    names = logged_names(merged("soidn_demo")).known
    results.results_table(Asked.fromkeys(names, 0.5), "SOIDN")
    assert len(asked) > 20
    clean = {f"test/iou/{name}" for name in ("none",)}  # an image without an occluder has no IoU
    assert asked - names <= clean


def test_a_watched_measure_that_is_never_logged_is_refused_before_training() -> None:
    options = ["fit", "--config=trunk_demo"]
    wrong = "[{class_path: pytorch_lightning.callbacks.EarlyStopping, init_args: {monitor: val/lss}}]"
    expected = "EarlyStopping: expected `monitor` to be a measure that the training logs, got 'val/lss'; did you mean"
    with pytest.raises(UserError, match=expected):
        parse([*options, f"--trainer.callbacks={wrong}"])
    parse([*options, f"--trainer.callbacks={wrong.replace('lss', 'loss')}"])


def test_every_module_of_the_suite_says_what_it_logs() -> None:
    for path in (CONFIGS.parent.parent / "lightning_modules").glob("*.py"):
        classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
        for one in classes:
            calls = {ast.unparse(node.func) for node in ast.walk(one) if isinstance(node, ast.Call)}
            assigned = {ast.unparse(node).partition("=")[0].partition(":")[0].strip() for node in one.body}
            assert "self.log_losses" not in calls or "logged" in assigned, one.name

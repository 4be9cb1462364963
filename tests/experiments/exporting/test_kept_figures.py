"""Figures of a checkpoint are those of its weights, and of no others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.cli import UserError
from experiments.exporting import KeptFigures, kept_figures
from experiments.runs.run_record import RunRecord, weights_of

METRICS = {"test/rank1/cup": 0.5}
RESULTS: Any = {
    "lfw": {
        "all": {
            "accuracy": 0.9,
            "threshold@far=0.01": 0.4,
            "threshold@far=0.01_low": 0.3,
            "threshold@far=0.01_high": None,
        },
        "none": {"accuracy": 0.8},
    }
}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A run with two checkpoints, of whose last its figures are."""
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    for name in ("last", "best"):
        (tmp_path / f"run/checkpoints/{name}.ckpt").write_text(name)
    (tmp_path / "run/metrics.json").write_text(json.dumps({"system": "SOIDN", "metrics": METRICS}))
    return tmp_path / "run/checkpoints/last.ckpt"


def write_evaluation(path: Path, keys: dict[str, str]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict.fromkeys(keys, RESULTS)))
    path.with_name("given.json").write_text(json.dumps({"keys": keys, "scores": "cosines"}))
    return str(path)


def test_a_runs_figures_are_of_the_weights_that_it_recorded(checkpoint: Path) -> None:
    best = checkpoint.with_name("best.ckpt")
    assert (kept_figures(checkpoint, "k", None).metrics, kept_figures(best, "k", None).metrics) == (METRICS, {})
    RunRecord("command", weights=weights_of(best)).save(checkpoint.parent.parent)
    assert (kept_figures(checkpoint, "k", None).metrics, kept_figures(best, "k", None).metrics) == ({}, METRICS)
    assert kept_figures(best, "k", None).record.command == "command"


def test_an_evaluation_is_found_by_the_weights(checkpoint: Path, tmp_path: Path) -> None:
    write_evaluation(Path("runs/evaluation/results.json"), {"other": "j", "net": "k"})
    found = kept_figures(checkpoint, "k", None)
    assert (found.results, found.source, found.scores) == (RESULTS, Path("runs/evaluation/results.json"), "cosines")
    assert kept_figures(checkpoint, "l", None).results == {}
    named = write_evaluation(tmp_path / "elsewhere/results.json", {"net": "l"})
    assert kept_figures(checkpoint, "l", named).results == RESULTS


def test_without_an_evaluation_or_a_run_nothing_is_known(tmp_path: Path) -> None:
    assert kept_figures(tmp_path / "net.ckpt", "k", None) == KeptFigures()


@pytest.mark.parametrize("content", [None, "", "[]", '{"keys": []}', '{"keys": {"net": "other"}}'])
def test_refuses_results_of_another_model(content: str | None, checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps({"net": RESULTS}))
    if content is not None:
        (tmp_path / "given.json").write_text(content)
    with pytest.raises(UserError, match=r"an evaluation of .*last\.ckpt \(k\), got .*results\.json without it"):
        kept_figures(checkpoint, "k", str(tmp_path / "results.json"))


@pytest.mark.parametrize(
    "content", [3, {"lfw": 3}, {"lfw": {"all": {"eer": "low"}}}, {"lfw": {"all": {"eer": np.nan}}}]
)
def test_damaged_results_are_refused_where_they_are_named_and_else_none(
    content: object, checkpoint: Path, tmp_path: Path
) -> None:
    for path in (Path("runs/evaluation/results.json"), tmp_path / "named.json"):
        write_evaluation(path, {"net": "k"})
        path.write_text(json.dumps({"net": content}))
    assert kept_figures(checkpoint, "k", None).results == {}
    with pytest.raises(UserError, match=r"an evaluation of .*last\.ckpt \(k\), got .*named\.json without it"):
        kept_figures(checkpoint, "k", str(tmp_path / "named.json"))


def test_thresholds_have_their_rates_and_what_is_known_of_their_intervals() -> None:
    assert KeptFigures(results=RESULTS).thresholds() == {"lfw/all": {"0.01": {"threshold": 0.4, "low": 0.3}}}
    assert KeptFigures().thresholds() == {}

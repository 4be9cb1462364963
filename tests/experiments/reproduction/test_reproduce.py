"""What a reproduction's command line asks for is what its report is of, or it is refused before anything is run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.cli.user_errors import UserError
from experiments.reproduce import reproduce
from experiments.reproduction.drawings import DRAWINGS
from experiments.runs.process import Processes

DECLARED = """
title: Mine
source: none
seeds: [0]
rows:
  a: {name: A, system: baseline, starts_from: null}
  b: {name: B, system: trunk}
tables:
  - title: Table
    rows: [a, b]
    columns: [{name: scarf, measures: [ar/scarf/rank1, test/rank1/scarf]}]
comparisons:
  - {title: Pair, pairs: [[a, b]], columns: [{name: scarf, measures: [ar/scarf/rank1, test/rank1/scarf]}]}
figures:
  - {title: Drawn, rows: [a], file: drawn.png, drawing: figure_2}
"""


@pytest.fixture
def declared(alone: Path) -> Path:
    path = alone / "mine.yaml"
    path.write_text(DECLARED)
    return path


@pytest.fixture
def ar(alone: Path) -> Path:
    for image in range(1, 27):
        path = alone / f"AR/m-001-{image:02}.bmp"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"BM")
    return path.parent


@pytest.fixture(autouse=True)
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand-ins for trainings and evaluations: which were called for; AR finds 0.9, unseen identities 0.2."""
    names: list[str] = []

    def call(self: Processes, module: str, args: list[str], log: Path, lock: int) -> None:
        folder = log.parent
        trains = module == "experiments.train"
        names.append({"baseline": "a", "trunk": "b"}[folder.parent.name] if trains else folder.name.partition("-")[0])
        if trains:
            (folder / "history.json").write_text(json.dumps([{"epoch": 1, "seconds": 2.5}]))
            (folder / "metrics.json").write_text(json.dumps({"metrics": {"test/rank1/scarf": 0.2}}))
        else:
            found = {names[-1]: {"scarf": {"rank1": 0.9}}}
            (folder / "results.json").write_text(json.dumps({"model": found}))

    monkeypatch.setattr(Processes, "call", call)
    monkeypatch.setitem(DRAWINGS, "figure_2", lambda folders, path: path.write_bytes(b"drawn"))
    return names


def figures(text: str) -> list[str]:
    return [word for line in text.splitlines() for word in line.split() if word in {"90.0", "20.0", "–"}]


def test_a_finished_row_s_figures_are_of_what_is_asked_for(
    declared: Path, ar: Path, called: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []
    for options in ([], [f"--ar={ar}"], [f"--ar={ar}", "--rows", "a"], []):
        reproduce([str(declared), *options])
        shown.append(figures(capsys.readouterr().out)[:2])
    assert shown == [["20.0", "20.0"], ["90.0", "90.0"], ["90.0", "90.0"], ["20.0", "20.0"]]
    assert sorted(called) == ["a", "ar", "ar", "b"]


def test_a_table_does_not_mix_protocols(
    declared: Path, ar: Path, called: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    reproduce([str(declared)])
    capsys.readouterr()
    reproduce([str(declared), f"--ar={ar}", "--rows", "a"])  # B is done, and not evaluated on AR
    assert figures(capsys.readouterr().out)[:3] == ["90.0", "–", "–"]  # A, B, their difference
    assert sorted(called) == ["a", "ar", "b"]


def test_other_files_in_the_same_folder_are_another_evaluation(declared: Path, ar: Path, called: list[str]) -> None:
    asked = [str(declared), f"--ar={ar}"]
    reproduce(asked)
    reproduce(asked)
    assert called.count("ar") == 2  # rows
    (ar / "m-001-08.bmp").write_bytes(b"bm")
    reproduce(asked)
    assert called.count("ar") == 4
    assert called.count("a") == 1


def test_a_dry_run_says_what_is_left(declared: Path, ar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reproduce([str(declared)])
    reproduce([str(declared), f"--ar={ar}", "--dry-run"])
    assert "a, seed 0: done, not evaluated by ar" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--ar=none", "--lfw=none", "--data=none"])
def test_a_set_that_cannot_be_read_is_refused_before_training(option: str, declared: Path, called: list[str]) -> None:
    with pytest.raises((UserError, ValueError), match="none"):
        reproduce([str(declared), option])
    assert not called


def test_files_of_one_name_do_not_share_a_folder(declared: Path, alone: Path, called: list[str]) -> None:
    other = alone / "elsewhere/mine.yaml"
    other.parent.mkdir()
    other.write_text(DECLARED)
    with pytest.raises(UserError, match=r"expected files of different names, got .*mine\.yaml and .*elsewhere/"):
        reproduce([str(declared), str(other)])
    reproduce([str(declared)])
    report = Path("runs/reproduce/mine/report.html").read_bytes()
    with pytest.raises(UserError, match=r"expected another name, got that of .*mine\.yaml, whose report is in"):
        reproduce([str(other)])
    assert Path("runs/reproduce/mine/report.html").read_bytes() == report
    declared.unlink()
    reproduce([str(other)])  # it was moved there
    assert sorted(called) == ["a", "b"]


def test_a_seed_that_is_asked_for_twice_counts_once(declared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reproduce([str(declared), "--seeds", "1", "1"])
    assert "±" not in capsys.readouterr().out


def failing(folders: list[Path], path: Path) -> None:
    path.write_bytes(b"half")
    raise OSError("No space left on device")


@pytest.mark.parametrize("draw", [failing])
def test_a_picture_that_cannot_be_drawn_costs_no_report(
    draw: Callable[[list[Path], Path], None],
    declared: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[Any],
) -> None:
    monkeypatch.setitem(DRAWINGS, "figure_2", draw)
    reproduce([str(declared)])
    assert "Drawn: not drawn: No space left on device" in capsys.readouterr().out
    assert Path("runs/reproduce/mine/report.html").exists()
    assert not list(Path("runs").rglob("*drawn.png"))


def test_an_evaluation_that_fails_is_told_at_the_end(declared: Path, ar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Processes.call

    def call(self: Processes, module: str, *args: Any) -> None:
        if module == "experiments.evaluate":
            raise RuntimeError("Expected another AR")
        before(self, module, *args)

    monkeypatch.setattr(Processes, "call", call)
    with pytest.raises(UserError, match="2 evaluations are missing; a, seed 0, by ar: Expected another AR"):
        reproduce([str(declared), f"--ar={ar}"])
    assert Path("runs/reproduce/mine/report.html").exists()


def test_a_dry_run_shows_commands_and_runs_none(declared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    declared.write_text(DECLARED.replace("starts_from: null", "starts_from: b"))
    reproduce([str(declared), "--dry-run", "--seeds", "0", "1", "--rows", "a"])
    shown = capsys.readouterr().out
    assert shown.count("python -m experiments.train fit") == 4  # and what it depends on, with each seed
    assert not Path("runs").exists()


def test_a_dry_run_shows_what_a_system_starts_from_that_is_no_row(
    declared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declared.write_text(DECLARED.replace(", starts_from: null", "").replace("system: trunk", "system: segmentation"))
    reproduce([str(declared), "--dry-run"])
    shown = capsys.readouterr().out
    assert shown.count("python -m experiments.train fit") == 3
    assert "Trunk: not run (runs/trunk/" in shown


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["soind"], "expected the name of a reproduction, got 'soind'; did you mean 'soidn'"),
        (["soidn", "--rows", "trunc"], "expected the name of a row, got 'trunc'; did you mean 'trunk'"),
        (["soidn", "--rows", "trunk", "--trainer.max_epoch=1"], "max_epoch=1; did you mean 'trainer.max_epochs'"),
        (["soidn", "--rows", "trunk", "--model.init_args.drop=1"], "row trunk: .*'drop' is not accepted"),
    ],
)
def test_mistakes_show_before_anything_is_run(args: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        reproduce(args)
    assert not Path("runs").exists()


def test_options_that_do_not_fit_rows_which_nobody_asked_for_leave_those_out(declared: Path, called: list[str]) -> None:
    declared.write_text(DECLARED.replace("system: trunk", "system: soidn, starts_from: null"))
    option = "--model.init_args.loss=torch.nn.CrossEntropyLoss"  # Baseline's alone
    reproduce([str(declared), "--rows", "a", option])
    assert called == ["a"]
    with pytest.raises(UserError, match="row b: "):
        reproduce([str(declared), option])

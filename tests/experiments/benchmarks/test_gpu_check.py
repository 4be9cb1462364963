"""The check of a card keeps what is done, whatever fails, and needs no card in miniature."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest
import torch

from experiments.benchmarks import gpu_check, gpu_parts
from experiments.benchmarks.gpu_check import LOG, main, run_within
from experiments.benchmarks.gpu_rows import PartRows
from experiments.cli.user_errors import UserError

SMALL = ["--device=cpu", "--small"]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the parts that were run; ``maps`` fails, ``loader`` has a row without a result."""
    names: list[str] = []

    def run(limit: float, words: Sequence[str], log: IO[str]) -> int | None:
        name = words[3]
        names.append(name)
        if name == "maps":
            return None
        (out,) = (word.removeprefix("--out=") for word in words if word.startswith("--out="))
        rows = [{"what": name, "images/s": 5.0}, *[{"what": "other", "note": "no"}] * (name == "loader")]
        about = {"part": name, "title": name, "card": "C", "machine": "M", "commit": "c", "seconds": 1.0}
        content = {**about, "device": "cpu", "small": True, "complete": True, "failed": len(rows) - 1, "rows": rows}
        Path(out).write_text(json.dumps(content))
        return 0

    monkeypatch.setattr(gpu_check, "run_within", run)
    return names


def test_what_is_done_is_not_repeated(ran: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*SMALL, f"--out={tmp_path}", "--parts", "triplets"])
    main([*SMALL, f"--out={tmp_path}", "--parts", "triplets", "tests"])
    assert ran == ["triplets", "tests"]
    assert "done before: triplets\n" in capsys.readouterr().out
    written = (tmp_path / "gpu_check.md").read_text()
    assert written.index("### tests") < written.index("### triplets")
    assert "| triplets | 5 |" in written


def test_a_part_that_fails_costs_no_other_and_is_said(ran: list[str], tmp_path: Path) -> None:
    seconds = gpu_parts.PARTS["maps"].limit + gpu_check.GRACE
    expected = rf"got 1 rows without a result; maps: killed after {seconds} s; see .*gpu_check\.log"
    with pytest.raises(UserError, match=expected):
        main([*SMALL, f"--out={tmp_path}"])
    assert ran == list(gpu_parts.PARTS)
    assert sorted(path.stem for path in tmp_path.glob("*.json")) == sorted(set(ran) - {"maps"})
    assert (tmp_path / LOG).read_text().split() == ran


def test_a_part_that_was_killed_keeps_its_rows_and_is_repeated(ran: list[str], tmp_path: Path) -> None:
    main([*SMALL, f"--out={tmp_path}", "--parts", "triplets"])
    file = tmp_path / "triplets.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"complete": False}))
    with pytest.raises(UserError, match="maps: killed"):
        main([*SMALL, f"--out={tmp_path}", "--parts", "maps"])
    assert "| triplets | 5 |\n\n1 s until its last row; then it was killed" in (tmp_path / "gpu_check.md").read_text()
    main([*SMALL, f"--out={tmp_path}", "--parts", "triplets"])
    assert ran == ["triplets", "maps", "triplets"]
    assert "1 s in all" in (tmp_path / "gpu_check.md").read_text()


def test_chosen_rows_are_other_results_than_all(ran: list[str], tmp_path: Path) -> None:
    main([*SMALL, f"--out={tmp_path}", "--parts", "triplets"])
    main([*SMALL, f"--out={tmp_path}", "--parts", "triplets", "--rows", "8,192", "semi"])
    assert ran == ["triplets", "triplets"]


def test_a_part_that_is_complete_has_not_failed_if_its_process_does_not_end(
    ran: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = gpu_check.run_within
    monkeypatch.setattr(gpu_check, "run_within", lambda *asked: plain(*asked) and None)
    main([*SMALL, f"--out={tmp_path}", "--parts", "triplets"])
    assert "1 s in all" in (tmp_path / "gpu_check.md").read_text()


def test_words_choose_rows(tmp_path: Path) -> None:
    out = tmp_path / "part.json"
    gpu_parts.main(["layers", f"--out={out}", *SMALL, "--rows", "score of pool4: product", "8 times larger: trans"])
    found = json.loads(out.read_text())
    assert [row["what"] for row in found["rows"]] == [
        "score of pool4: product",
        "8 times larger: transposed convolution",
    ]
    assert (found["failed"], found["chosen"]) == (0, ["score of pool4: product", "8 times larger: trans"])


def test_a_part_writes_each_row_when_it_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, seen = tmp_path / "part.json", []

    def measured(rows: PartRows, device: torch.device, small: bool) -> None:
        for number in range(2):
            rows.add({"what": number}, lambda: {"rate": 1.0})
            seen.append(json.loads(out.read_text()))

    monkeypatch.setattr("experiments.benchmarks.gpu_maps.run", measured)
    gpu_parts.main(["maps", f"--out={out}", *SMALL])
    seen.append(json.loads(out.read_text()))
    assert [(len(each["rows"]), each["complete"]) for each in seen] == [(1, False), (2, False), (2, True)]


def test_all_parts_fit_into_the_time_of_all() -> None:
    starts = 13 * len(gpu_parts.PARTS)
    assert starts + sum(part.limit for part in gpu_parts.PARTS.values()) <= gpu_check.LIMIT


def test_nothing_is_begun_when_the_time_of_all_is_up(ran: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="triplets: not begun: no time"):
        main([*SMALL, f"--out={tmp_path}", "--parts", "triplets", f"--seconds={gpu_check.GRACE}"])
    assert ran == []


def test_a_dry_run_says_what_would_be_run_and_writes_nothing(
    ran: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*SMALL, f"--out={tmp_path / 'new'}", "--commit=abc", "--dry-run"])
    said = capsys.readouterr().out
    assert said.count("-m experiments.benchmarks.gpu_parts ") == said.count("--commit=abc") == len(gpu_parts.PARTS)
    assert (ran, list(tmp_path.iterdir())) == ([], [])


def test_without_a_card_it_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="Expected a CUDA device, got none"):
        main([f"--out={tmp_path}"])


def test_a_process_is_killed_when_its_time_is_up(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        assert (
            run_within(0.3, [sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(600)"], log)
            is None
        )
        assert run_within(60, [sys.executable, "-c", "raise SystemExit(3)"], log) == 3


@pytest.mark.slow
@pytest.mark.parametrize("part", [name for name in gpu_parts.PARTS if name != "tests"])
def test_every_part_has_a_result_in_miniature(part: str, tmp_path: Path) -> None:
    out = tmp_path / "part.json"
    gpu_parts.main([part, f"--out={out}", *SMALL])
    result = json.loads(out.read_text())
    assert (result["failed"], result["device"], result["small"]) == (0, "cpu", True)
    assert result["rows"]


def test_tests_are_counted_and_failures_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "losses"
    folder.mkdir()
    (folder / "test_some.py").write_text(
        "import pytest\n"
        "pytestmark = pytest.mark.gpu\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2\n"
        "@pytest.mark.skip(reason='no card')\n"
        "def test_skipped(): pass\n"
    )
    (folder / "test_broken.py").write_text("import nothing_of_that_name\n")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\nmarkers = ['gpu: a card']\n")
    monkeypatch.setattr("experiments.benchmarks.gpu_tests.TESTS", tmp_path)
    out = tmp_path / "part.json"
    gpu_parts.main(["tests", f"--out={out}", *SMALL])
    first, *failures = json.loads(out.read_text())["rows"]
    assert [first[name] for name in ("passed", "failed", "skipped", "errors")] == [1, 1, 1, 1]
    assert {row["note"] for row in failures} == {
        "assert 1 == 2",
        "ModuleNotFoundError: No module named 'nothing_of_that_name'",
    }

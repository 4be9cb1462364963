"""Part of the check of a card: the tests marked ``gpu``."""

from pathlib import Path

import pytest
import torch

from experiments.benchmarks.gpu_rows import NO_TIME, NOTE, PartRows

TESTS = Path(__file__).parents[2] / "tests"
PLACES = ("losses", "callbacks", "lightning_modules", "experiments/test_training_on_gpu.py")
"""Of the tests, where any are so marked: collecting the others takes longer than these take."""
OPTIONS = (
    *("-m", "gpu", "-rfEs", "--durations=10", "--continue-on-collection-errors", "-p", "no:cacheprovider"),
    *("-W", "default"),  # warnings of other versions of libraries fail no test
    *("-o", "addopts=--strict-markers --import-mode=importlib -q"),
)


class _Counter:
    """Plugin of pytest: counts outcomes, keeps what failures say, and stops when the time is up."""

    def __init__(self, rows: PartRows) -> None:
        self.rows = rows
        self.counts = {"passed": 0, "failed": 0, "skipped": 0, "errors": 0}
        self.failures: dict[str, str] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._failed("errors", report.nodeid, report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed("failed" if report.when == "call" else "errors", report.nodeid, report.longreprtext)
        elif report.skipped:
            self.counts["skipped"] += 1
        elif report.when == "call":
            self.counts["passed"] += 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self.rows.seconds_left <= 0:
            self.failures[item.nodeid] = NO_TIME
            item.session.shouldstop = NO_TIME

    def _failed(self, outcome: str, test: str, text: str) -> None:
        self.counts[outcome] += 1
        said = [line[2:].strip() for line in text.splitlines() if line.startswith("E ")]
        self.failures[test] = said[0] if said else text.strip().rpartition("\n")[2]


def run(rows: PartRows, device: torch.device, small: bool) -> None:
    """Count the outcomes; a row for each failure. In small, those of the losses alone."""
    counter = _Counter(rows)
    places = (str(TESTS / place) for place in (PLACES[:1] if small else PLACES))
    status = int(pytest.main([*OPTIONS, *places], [counter]))
    ended = {} if status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) else {NOTE: f"pytest: status {status}"}
    rows.record({"what": "tests marked gpu", **counter.counts, **ended})
    for test, said in counter.failures.items():
        rows.record({"what": test, NOTE: said})

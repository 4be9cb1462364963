"""Devices and precisions that laws are tested on: all that there are."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import pytest
import torch

NO_CARD = "no CUDA device"


class Precision(NamedTuple):
    """A precision to compute in, and how near its results are to exact ones."""

    name: str
    device: torch.device
    tolerance: float
    """Of a network's results, as a share of the largest."""

    def autocast(self) -> AbstractContextManager[object]:
        """Return a context in which networks compute in it."""
        mixed = self.name == "bf16-mixed"
        return torch.autocast(self.device.type, torch.bfloat16) if mixed else nullcontext()


@pytest.fixture
def cuda() -> Iterator[torch.device]:
    """Return a GPU that computes float32 in float32; for tests marked ``gpu``, skipped where there is none.

    Left alone, a convolution's inputs are rounded to TF32's ten bits there, and no tolerance tells that from a mistake.
    """
    if not torch.cuda.is_available():
        pytest.skip(NO_CARD)
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    yield torch.device("cuda")
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Return each device that there is."""
    found: torch.device = torch.device("cpu") if request.param == "cpu" else request.getfixturevalue("cuda")
    return found


@pytest.fixture(params=["float32", "bf16-mixed"])
def precision(request: pytest.FixtureRequest, device: torch.device) -> Precision:
    """Return each precision that systems are trained in."""
    return Precision(request.param, device, {"float32": 1e-4, "bf16-mixed": 5e-2}[request.param])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line that nothing was tested on a GPU, where that is so."""
    skipped = terminalreporter.stats.get("skipped", [])
    number = sum(isinstance(report.longrepr, tuple) and NO_CARD in report.longrepr[2] for report in skipped)
    if number:
        terminalreporter.write_line(f"{number} tests on a GPU skipped: {NO_CARD}")

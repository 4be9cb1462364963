"""Workers that look at a study often, some in processes of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.sweeping import shared
from tests.helpers.processes import CONTEXT, start_server
from tests.helpers.shared_sweeps import worker


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let who waits look often; signs of life are as always, so that no machine is too slow to give them."""
    monkeypatch.setattr(shared, "LOOKS", 0.1)


@pytest.fixture
def started() -> Iterator[Callable[..., Any]]:
    """Return what starts a worker."""
    processes = []

    def start(where: str, trials: int, how: Callable[..., Any]) -> Any:
        start_server()
        processes.append(CONTEXT.Process(target=worker, args=(str(Path.cwd()), where, trials, how)))
        processes[-1].start()
        return processes[-1]

    yield start
    for process in processes:
        process.kill()

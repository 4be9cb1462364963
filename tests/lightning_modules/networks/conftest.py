"""Every test draws the same random numbers and leaves the process's thread count as it was."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # these networks are too small to share
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)

"""One thread, one seed, and each network traced once for all its occluders."""

import warnings
from functools import partial

import pytest
import torch
from torch import Tensor, fx, nn

from callbacks.occlusion_sensitivity import engine
from callbacks.occlusion_sensitivity.trace import trace


@pytest.fixture(autouse=True)
def alone() -> None:
    """Compute on one thread, from one seed."""
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember traces by network."""
    known: dict[nn.Module, fx.GraphModule] = {}

    def remember(network: nn.Module, image: Tensor) -> fx.GraphModule:
        if network not in known:
            known[network] = trace(network, image)
        return known[network]

    monkeypatch.setattr(engine, "trace", remember)


@pytest.fixture
def may_warn() -> partial[warnings.catch_warnings]:
    """Return a context in which warnings are recorded instead of raised, as outside of tests."""
    return partial(warnings.catch_warnings, record=True, action="always")

"""Options of a benchmark have the types of their defaults."""

import sys

import pytest

from experiments.benchmarks.benchmark import parse_options
from experiments.cli.user_errors import UserError


def test_defaults_say_of_what_type_options_are(monkeypatch: pytest.MonkeyPatch) -> None:
    args = ["--batch-size=3", "--sizes", "1", "2", "--width=2", "--no-compile"]
    monkeypatch.setattr(sys, "argv", ["benchmark", *args])
    options = parse_options("", batch_size=1, sizes=[5], width=1.0, compile=True, data="x")
    assert vars(options) == {"batch_size": 3, "sizes": [1, 2], "width": 2.0, "compile": False, "data": "x"}


def test_a_number_of_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", "--batch-size=0"])
    with pytest.raises(UserError, match="argument --batch-size: expected a whole number from 1, got '0'"):
        parse_options("", batch_size=1)

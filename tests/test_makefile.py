"""The Makefile's variables reach commands as the user gave them, or empty."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMES = ("DATA", "SCALE", "WEIGHTS", "ALIGNMENT", "CHECKPOINT", "LFW", "MODELS", "OUT", "AR")


def shown(*words: str) -> list[str]:
    """Return the variables as a recipe's commands see them."""
    show = "show: ; @for name in " + " ".join(NAMES) + '; do echo "[$${!name}]"; done'
    command = ["make", "-s", "-C", str(ROOT), "--no-print-directory", "--eval", show, "show", *words]
    environment = {name: value for name, value in os.environ.items() if name not in {*NAMES, "MAKEFLAGS", "MAKELEVEL"}}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)  # noqa: S603  make
    return done.stdout.splitlines()


def test_what_is_not_given_is_empty() -> None:
    assert shown() == ["[]"] * len(NAMES)  # AR too, which is make's own name for the archiver


@pytest.mark.parametrize("name", NAMES)
def test_what_is_given_arrives_as_it_is(name: str) -> None:
    (given,) = set(shown(f"{name}=a folder/it's")) - {"[]"}
    assert given == "[a folder/it's]"

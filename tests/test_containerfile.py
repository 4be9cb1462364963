"""The container's recipe names what is there, and runs as nobody's root."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
RECIPE = (ROOT / "Containerfile").read_text()
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))


def test_what_is_copied_and_made_is_there() -> None:
    copied = [name for line in re.findall(r"^COPY --\S+ (.+) \S+$", RECIPE, re.M) for name in line.split()]
    assert "requirements.txt" in copied
    assert all((ROOT / name).exists() for name in copied)
    made = set(re.findall(r"\bmake ([a-z][\w-]+)", RECIPE))
    assert {"test", "train-soidn", "demo", "setup"} <= made <= TARGETS


def test_all_but_the_system_s_packages_is_done_by_a_user_by_number() -> None:
    steps = re.findall(r"^(FROM|RUN|USER|COPY|CMD)\b ?(.*)", RECIPE, re.M)
    users = [value for name, value in steps if name == "USER"]
    assert users == ["1000"]
    assert [name for name, _ in steps[: steps.index(("USER", "1000"))]] == ["FROM", "RUN"]
    assert "--shm-size" in RECIPE


def test_the_environment_of_the_machine_stays_out() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".venv", "runs", "data"} <= set(ignored)

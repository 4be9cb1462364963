"""Damaged, odd and hostile files are read or refused as documented; and what is not would be found."""

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datamodules.errors import DataError
from tests.at_scale.fuzz import READ, REFUSED, Finding, cases, read_good, run, run_case
from tests.at_scale.fuzzed_files import FuzzedFile, fuzzed_files
from tests.at_scale.mutations import mutate, with_right_checksums
from tests.helpers.faces_on_disk import encode, pseudo_face

QUICK = {kind: file for kind, file in fuzzed_files().items() if file.weight >= 0.2}  # others parse for a second each


def test_a_thousand_changed_files_are_read_or_refused(tmp_path: Path) -> None:
    todo = cases(1000, 0, QUICK)
    outcomes = {(kind, number): run_case(kind, number, 0, QUICK[kind], tmp_path) for kind, number in todo}
    assert [outcome for outcome in outcomes.values() if isinstance(outcome, Finding)] == []
    assert {kind for kind, _ in outcomes} == set(QUICK)
    assert set(outcomes.values()) == {READ, REFUSED}


def test_good_files_are_read() -> None:
    read_good(QUICK)


def refuse(message: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        raise DataError(message)

    return read


def fail(folder: Path) -> object:
    raise ZeroDivisionError("of ours")


def say_two_lines(folder: Path) -> object:
    raise ValueError("one\ntwo")


def run_it(folder: Path) -> object:
    class Payload:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, ("true",)

    return pickle.loads(pickle.dumps(Payload()))  # noqa: S301 - what no reader may do


@pytest.mark.parametrize(
    ("read", "found"),
    [
        pytest.param(lambda folder: None, READ, id="read"),
        pytest.param(refuse("x: expected a number, got none"), REFUSED, id="refused"),
        pytest.param(fail, "ZeroDivisionError: of ours", id="another error"),
        pytest.param(say_two_lines, "2 lines, 7 characters", id="two lines"),
        pytest.param(
            lambda folder: (folder / "new").write_bytes(b""), "new to write; a file case/new", id="a new file"
        ),
        pytest.param(lambda folder: (folder / "../x").write_bytes(b""), "to write; a file x", id="a file elsewhere"),
        pytest.param(lambda folder: (folder / "a").unlink(), "os.remove", id="a file removed"),
        pytest.param(run_it, "os.system", id="a command"),
        pytest.param(lambda folder: bytearray(1 << 31), "MemoryError", id="memory"),
        pytest.param(lambda folder: time.sleep(5), "too slow: more than 0.2 s", id="time"),
    ],
)
def test_what_a_reader_must_not_do_is_found(tmp_path: Path, read: Callable[[Path], object], found: str) -> None:
    file = FuzzedFile({"a": b"abc"}, read, refusals=(ValueError,))
    outcome = run_case("a", 0, 0, file, tmp_path, seconds=0.2)
    assert found in (outcome.what if isinstance(outcome, Finding) else outcome)


@pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # that it has threads, which the child does not use
def test_a_crash_is_found_and_the_next_case_goes_on() -> None:
    file = FuzzedFile({"a": b"abc"}, lambda folder: os._exit(3) if (folder / "a").read_bytes() == b"abcabc" else None)
    files = {"a": file}
    todo = cases(200, 0, files)
    outcomes = list(run(todo, 0, files))
    crashes = [outcome for outcome in outcomes if isinstance(outcome, Finding)]
    assert len(outcomes) == 200
    assert crashes
    assert {crash.what for crash in crashes} == {"the process died or hung (exit status 3)"}


def test_a_case_is_a_function_of_seed_kind_and_number() -> None:
    file = QUICK["rec"]
    one, other, later = (file.changed(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == other != later
    assert cases(50, 3, QUICK) == cases(50, 3, QUICK)[:50] == cases(80, 3, QUICK)[:50]


@pytest.mark.parametrize("text", [False, True])
def test_mutations_take_any_bytes(text: bool) -> None:
    generator = np.random.default_rng(0)
    changed = [mutate(data, generator, text=text) for data in (b"", b"a", b"\0\0\0", b"one two\n") for _ in range(300)]
    assert len(set(changed)) > 500


def test_checksums_are_made_right() -> None:
    data = encode(pseudo_face(0, size=(8, 8)), "png")
    assert with_right_checksums(data) == data
    broken = data[:16] + b"\xff" + data[17:]
    assert with_right_checksums(broken)[:29] == broken[:29]
    assert with_right_checksums(broken)[29:33] != data[29:33]

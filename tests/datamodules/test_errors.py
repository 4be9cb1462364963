"""An error of the user's data is one line, whatever the data holds."""

import pickle

import pytest
from torch._utils import ExceptionWrapper

from datamodules.errors import DataError


@pytest.mark.parametrize("character", ["\n", "\r", "\0", "\x0b", "\x1b", "\x85", "\u2028", "\udcff"])
def test_what_breaks_a_line_is_shown_as_an_escape(character: str) -> None:
    message = str(DataError(f"a{character}b.csv: expected one"))
    assert message == f"a{character!r}b.csv: expected one".replace("'", "")
    assert len(message.splitlines()) == 1
    assert message.encode()


def test_plain_text_of_any_script_stays() -> None:
    assert str(DataError("é☃/王.jpg: expected 2 × 3, got \\n")) == "é☃/王.jpg: expected 2 × 3, got \\n"


def test_of_a_long_message_the_middle_is_left_out() -> None:
    message = str(DataError("start " + "x" * 10**6 + " end"))
    assert len(message) < 2100
    assert message.startswith("start ")
    assert message.endswith(" end")


def test_the_traceback_of_a_loading_process_is_dropped() -> None:
    try:
        raise DataError("a.jpg: expected an image, got none")
    except DataError:
        wrapped = ExceptionWrapper(where="in DataLoader worker process 0")
    with pytest.raises(DataError, match=r"^a\.jpg: expected an image, got none$"):
        wrapped.reraise()


def test_errors_are_pickled_as_they_are() -> None:
    error = DataError("a\nb")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes

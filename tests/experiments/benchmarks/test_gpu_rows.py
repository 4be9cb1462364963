"""A row that fails or takes too long costs no other."""

import time

from experiments.benchmarks.gpu_rows import NO_TIME, PartRows


def slow() -> dict[str, float]:
    time.sleep(600)
    return {}


def test_a_row_under_way_is_interrupted_when_the_time_is_up_and_none_begun_after_it() -> None:
    rows = PartRows(0.1)
    with rows.interrupted():
        rows.add({"what": 1}, slow)
        rows.add({"what": 2}, lambda: {"rate": 1.0})
    assert rows.rows == [
        {"what": 1, "note": "NoTimeError: interrupted: no time"},
        {"what": 2, "note": NO_TIME},
    ]
    assert rows.failed == 2


def test_what_fails_between_two_rows_is_a_row_of_its_own() -> None:
    rows = PartRows(60)
    with rows.interrupted():
        rows.add({"what": 1}, lambda: {"rate": 1.0})
        raise RuntimeError("out of memory")
    assert rows.rows == [{"what": 1, "rate": 1.0}, {"what": "the rest", "note": "RuntimeError: out of memory"}]


def test_what_is_no_number_has_failed() -> None:
    rows = PartRows(60)
    rows.add({"what": 1}, lambda: {"rate": float("nan")})
    assert rows.failed == 1

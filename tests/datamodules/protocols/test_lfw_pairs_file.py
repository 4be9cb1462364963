"""LFW's pairs: every form in which the file circulates means the same; what contradicts itself is refused."""

import re
from pathlib import Path

import pytest

from datamodules.errors import DataError
from datamodules.protocols.lfw_pairs_file import read_lfw_pairs
from tests.datamodules.protocols.lfw_files import pair_lines, write_lines


def test_names_both_images_and_the_line(tmp_path: Path) -> None:
    table = write_lines(tmp_path, ["1", "Ann\t1\t12", "", "Ann\t3\tBea\t4"])
    matching, mismatching = read_lfw_pairs(table)
    assert (matching.line, matching.first, matching.second) == (2, "Ann/Ann_0001", "Ann/Ann_0012")
    assert (mismatching.line, mismatching.first, mismatching.second) == (4, "Ann/Ann_0003", "Bea/Bea_0004")
    assert (matching.same, mismatching.same) == (True, False)


@pytest.mark.parametrize("header", [["10\t2"], ["10 2"], ["2"], []], ids=["folds", "blank", "half", "none"])
@pytest.mark.parametrize("separator", ["\t", " ", "   "])
def test_ten_folds_whatever_the_header_and_the_separator(tmp_path: Path, header: list[str], separator: str) -> None:
    lines = [line.replace("\t", separator) for line in pair_lines(folds=10, half=2)]
    pairs = read_lfw_pairs(write_lines(tmp_path, [*header, *lines]))
    assert [pair.fold for pair in pairs] == [fold for fold in range(10) for _ in range(4)]
    assert [pair.same for pair in pairs] == [True, True, False, False] * 10


@pytest.mark.parametrize("header", ["name,imagenum1,imagenum2,", "name\timagenum1\timagenum2\timagenum3"])
def test_a_table_of_names_and_commas_is_the_same_list(tmp_path: Path, header: str) -> None:
    lines = pair_lines(folds=10, half=2)
    rows = [line.replace("\t", " , ") + "," * (line.count("\t") == 2) for line in lines]
    expected = read_lfw_pairs(write_lines(tmp_path, ["", *lines]))
    assert read_lfw_pairs(write_lines(tmp_path, [header, *rows])) == expected


@pytest.mark.parametrize("header", [["20"], []])
def test_development_pairs_have_no_folds(tmp_path: Path, header: list[str]) -> None:
    pairs = read_lfw_pairs(write_lines(tmp_path, [*header, *pair_lines(folds=1, half=20)]))
    assert {pair.fold for pair in pairs} == {0}
    assert [pair.same for pair in pairs] == [True] * 20 + [False] * 20


def test_line_ends_and_byte_order_mark_mean_nothing(tmp_path: Path) -> None:
    table = tmp_path / "pairs.txt"
    table.write_bytes(b"\xef\xbb\xbf1\r\nAnn\t1\t2\t\r\nAnn\t1\tB\xc3\xa9a Lee\t2\r\n\r\n")
    assert [pair.second for pair in read_lfw_pairs(table)] == ["Ann/Ann_0002", "Béa Lee/Béa Lee_0002"]


@pytest.mark.parametrize(
    "line",
    ["Ann\t1", "Ann\t1\tx", "Ann\t0\t1", "Ann\t1\tBea\t-2", "Ann\t1\tBea\t2\t3", "Ann\t1\t²", "..\t1\t2", "a/b\t1\t2"],
)
def test_refuses_a_malformed_line(tmp_path: Path, line: str) -> None:
    table = write_lines(tmp_path, ["1", "Ann\t1\t2", line])
    expected = f"{table}: line 3: expected `name n1 n2` or `name1 n1 name2 n2`, got {' '.join(line.split())!r}"
    with pytest.raises(DataError, match=re.escape(expected)):
        read_lfw_pairs(table)


def test_refuses_the_same_pair_twice_in_either_order(tmp_path: Path) -> None:
    table = write_lines(tmp_path, ["2", "Ann\t1\t2", "Ann\t2\t1"])
    with pytest.raises(DataError, match=r"line 3: .* every pair once, got Ann/Ann_0002 and Ann/Ann_0001 .* line 2$"):
        read_lfw_pairs(table)
    table = write_lines(tmp_path, ["2", "Ann\t1\tBea\t2", "Bea\t02\tAnn\t1"])
    with pytest.raises(DataError, match=r"line 3: .* got Bea/Bea_0002 and Ann/Ann_0001 again, as in line 2$"):
        read_lfw_pairs(table)


def test_refuses_a_pair_that_contradicts_itself(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: expected two images, got Ann/Ann_0001 twice"):
        read_lfw_pairs(write_lines(tmp_path, ["1", "Ann\t1\t1"]))
    with pytest.raises(DataError, match=r"line 2: expected a mismatching pair to name two identities, got 'Ann' twice"):
        read_lfw_pairs(write_lines(tmp_path, ["1", "Ann\t1\tAnn\t2"]))


@pytest.mark.parametrize(
    ("header", "expected"),
    [("10 3", "expected 60 pairs, as header `10 3` tells, got 40"), ("3", "expected 6 or 60 pairs, as header `3` t")],
)
def test_refuses_another_number_of_pairs_than_the_header_tells(tmp_path: Path, header: str, expected: str) -> None:
    with pytest.raises(DataError, match=re.escape(expected)):
        read_lfw_pairs(write_lines(tmp_path, [header, *pair_lines(folds=10, half=2)]))


def test_refuses_a_fold_of_which_not_half_the_pairs_match(tmp_path: Path) -> None:
    lines = pair_lines(folds=10, half=2)
    lines[5] = "Zoe\t1\tYan\t2"
    with pytest.raises(DataError, match=r"pairs\.txt: lines 6 to 9: expected 2 matching pairs of 4, got 1"):
        read_lfw_pairs(write_lines(tmp_path, ["10 2", *lines]))


@pytest.mark.parametrize("cut", [1, 4, 20])
def test_refuses_a_file_without_header_that_is_not_in_order(tmp_path: Path, cut: int) -> None:
    with pytest.raises(DataError, match=rf"expected a header, or 10 equal folds .* got no header and {40 - cut} pairs"):
        read_lfw_pairs(write_lines(tmp_path, pair_lines(folds=10, half=2)[cut:]))


@pytest.mark.parametrize("header", ["0", "10 x", "300 -1"])
def test_refuses_a_header_of_other_things_than_numbers(tmp_path: Path, header: str) -> None:
    with pytest.raises(DataError, match=f"line 1: expected a header `folds pairs`, got {header!r}"):
        read_lfw_pairs(write_lines(tmp_path, [header, "Ann\t1\t2"]))


def test_refuses_what_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: expected a list of pairs, got No such file"):
        read_lfw_pairs(tmp_path / "none")
    for lines in ([], ["10 300"]):
        with pytest.raises(DataError, match="expected a list of pairs, got none"):
            read_lfw_pairs(write_lines(tmp_path, lines))
    (tmp_path / "image").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DataError, match="image: expected a list of pairs in UTF-8, got other bytes"):
        read_lfw_pairs(tmp_path / "image")

"""Tables: any usual delimiter, columns in any order; everything that is not as it should be names its line."""

import re
from pathlib import Path

import pytest

from datamodules.errors import DataError
from datamodules.protocols.delimited_table import find_files, path_below, read_table


def write(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode())
    return path


def read(path: Path) -> list[tuple[int, dict[str, str]]]:
    return list(read_table(path, ("a", "b"), ("c",)))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiter_and_line_ends_mean_nothing(tmp_path: Path, delimiter: str, end: str) -> None:
    text = end.join(["\ufeffB,a,C", "1, x ,", "", "2,y,z"]).replace(",", delimiter)
    assert read(write(tmp_path, text)) == [(2, {"b": "1", "a": "x", "c": ""}), (4, {"b": "2", "a": "y", "c": "z"})]


def test_quoted_fields_may_hold_the_delimiter(tmp_path: Path) -> None:
    assert read(write(tmp_path, '"a","b"\n"x, y","say ""z"""\n')) == [(2, {"a": "x, y", "b": 'say "z"'})]


@pytest.mark.parametrize("text", ["\n \n\na,b\n\n1,2\n", "\r\r\ra,b\r,\r1,2", "\n\n\n a , b \n  \t \n 1 , 2 \n, \n"])
def test_lines_without_a_field_mean_nothing(tmp_path: Path, text: str) -> None:
    assert read(write(tmp_path, text)) == [(6, {"a": "1", "b": "2"})]


def test_lines_are_counted_from_the_files_first(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 3: expected a header with the columns a, b and optionally c, got 'x,y'"):
        read(write(tmp_path, "\n\nx,y\n"))
    with pytest.raises(DataError, match="line 1: expected a header with the columns a, b and optionally c, got ''"):
        read(write(tmp_path, ""))
    with pytest.raises(DataError, match="line 5: expected 2 fields, got 1"):
        read(write(tmp_path, "\n\na,b\n1,2\n3\n"))


@pytest.mark.parametrize("header", ["a", "b,c", "a,b,d", "a,b,b", "a b", "a|b"])
def test_refuses_another_header(tmp_path: Path, header: str) -> None:
    path = write(tmp_path, f"{header}\n1,2\n")
    expected = f"{path}: line 1: expected a header with the columns a, b and optionally c, got {header!r}"
    with pytest.raises(DataError, match=re.escape(expected)):
        read(path)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,2\n3\n", "line 3: expected 2 fields, got 1"),
        ("1,2,3\n", "line 2: expected 2 fields, got 3"),
        ('1,2\n"3,4\n', "line 3: expected a row of a table, got unexpected end of data"),
        ('1,2\n"3"x,4\n', "line 3: expected a row of a table, got "),
        ("", "expected rows below the header, got none"),
        ("\n\n", "expected rows below the header, got none"),
    ],
)
def test_refuses_malformed_rows(tmp_path: Path, rows: str, expected: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"table.csv: {expected}")):
        read(write(tmp_path, f"a,b\n{rows}"))


def test_refuses_what_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: expected a table, got No such file"):
        read(tmp_path / "none")
    (tmp_path / "image").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DataError, match="image: expected a table in UTF-8, got other bytes"):
        read(tmp_path / "image")


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("a/b.jpg", "a/b.jpg"),
        ("./a//b.jpg", "a/b.jpg"),
        ("..a/b..jpg", "..a/b..jpg"),
        ("a\\b.jpg", "a/b.jpg"),
        (".\\a\\b c.jpg", "a/b c.jpg"),
        ("C:b.jpg", "C:b.jpg"),
    ],
)
def test_paths_have_one_form(path: str, plain: str) -> None:
    assert path_below(Path("t"), 1, path) == plain


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/a.jpg",
        "../a.jpg",
        "a/../../b.jpg",
        "a/..",
        "a\0.jpg",
        "..\\a.jpg",
        "a\\..",
        "\\a.jpg",
        r"C:\a.jpg",
        "d:/a.jpg",
    ],
)
def test_refuses_paths_that_leave_the_root(path: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"t: line 7: expected a path below the root, got {path!r}")):
        path_below(Path("t"), 7, path)


def test_finds_the_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    assert find_files(tmp_path, ["a.jpg", "b.jpg", "folder", "x" * 5000, "a.jpg/b"]) == {"a.jpg": "a.jpg"}

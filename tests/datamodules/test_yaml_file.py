"""YAML files: what is read, and what is refused in one line that names file and line."""

from pathlib import Path

import pytest
import yaml

from datamodules.errors import DataError
from datamodules.yaml_file import read_yaml

PYRAMID = "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 8)}]\n" for n in range(20))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1\nb: [x, {c: .5}]\n",
        "{a: &a {x: 1}, b: *a, c: {<<: *a, x: 2}}",
        "- 1\n- 2020-02-29\n",
        "1: a\n'1': b\n",
    ],
)
def test_says_what_the_plain_reader_says(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert read_yaml(tmp_path / "a.yaml") == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "a.yaml:5: expected every key once, got 'c' again"),
        (
            b"trainer:\n\tmax_epochs: 3\n",
            "a.yaml:2: expected YAML, got a syntax error: found character '\\t' that cannot",
        ),
        (b"a: [1\n", "a.yaml:2: expected YAML, got a syntax error: "),
        (b"a: 1\n--- \nb: 2\n", "a.yaml:2: expected YAML, got a syntax error: but found another document"),
        (
            b"a: !!python/object/apply:os.getcwd []\n",
            "a.yaml:1: expected YAML, got a syntax error: could not determine",
        ),
        ("a: Modèle\n".encode("latin-1"), "a.yaml: expected YAML, got unreadable characters"),
        (b"a: \x01\n", "a.yaml: expected YAML, got unreadable characters"),
        (b"a: 2021-02-30\n", "a.yaml: expected YAML, got ValueError: day"),
        (b"a: " + 5000 * b"9" + b"\n", "a.yaml: expected YAML, got ValueError: Exceeds the limit"),
        (5000 * b"[", "a.yaml: expected YAML, got RecursionError"),
        (PYRAMID.encode(), "a.yaml:.*: expected at most 1,000,000 words with aliases written out, got more"),
        (b"a: &a [1, *a]\n", "a.yaml:1: expected at most 1,000,000 words"),
    ],
)
def test_refuses_in_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(DataError, match=message.replace("\\t", r"\\t")) as error:
        read_yaml(tmp_path / "a.yaml")
    assert "\n" not in str(error.value)


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "b.yaml", "No such file or directory")):
        with pytest.raises(DataError, match=f"{path}: expected YAML, got {reason}"):
            read_yaml(path)

"""A docstring says what an argument is, where it stands: people read it alone, as a command line's help does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("losses", "datamodules", "lightning_modules", "callbacks", "experiments")
NOTHING = re.compile(
    r"^ *\w+: +(?:as (?:above|before|of|all|there)\b|see (?:above|below)|likewise\b|alike\b|ditto|the same\b|dto"
    r"|see :\w+:`[^`]+`(?:, as (?:the|all)[^.]*)?\.$)",
    re.I | re.M,
)
"""Beginnings that send the reader elsewhere. What is a class's own, such as settings, may be named as its."""
ALLOWED = re.compile(r"^ *(?:settings|initial_weights|args|fit|model): ", re.M)


def docstrings() -> Iterator[tuple[str, str]]:
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                yield f"{path.relative_to(ROOT)}: {node.name}", text


def test_no_argument_is_documented_elsewhere() -> None:
    found = [
        f"{where}: {line.strip()}"
        for where, text in docstrings()
        for line in text.splitlines()
        if NOTHING.match(line) and not ALLOWED.match(line)
    ]
    assert found == []


def test_what_says_nothing_is_recognised() -> None:
    for line in ("stride: As above.", "width: The same.", "k: See above.", "kind: Likewise.", "x: As of :func:`f`."):
        assert NOTHING.match(line), line
    for line in ("stride: Pixels between centres.", "arch: As in smp, for example Unet.", "b: See :func:`f` for rows."):
        assert not NOTHING.match(line), line

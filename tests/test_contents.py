"""docs/contents.md names what is there, and everything that cites an equation of the two papers."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/contents.md").read_text(encoding="utf-8")
ROOMS = ("losses", "datamodules", "lightning_modules", "callbacks", "experiments")
NAMES = sorted(set(re.findall(rf"`((?:{'|'.join(ROOMS)})\.[\w.]+)`", TEXT)))
ROWS = re.findall(
    r"^\| [^|]+ \| `([\w.]+)` \| \[([\w.]+)\]\(\.\./([\w/.]+)\) \| \[([\w.]+)\]\(\.\./([\w/.]+)\) \|$", TEXT, re.M
)


def named(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute, None)
    return importlib.import_module(name) if found is None else found


def citing() -> list[str]:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    documented = [node for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    return sorted(node.name for node in documented if re.search(r"\bEq\. ", ast.get_docstring(node) or ""))


@pytest.mark.parametrize("name", NAMES)
def test_is_importable(name: str) -> None:
    assert named(name) is not None


def test_rows_name_the_file_that_defines_and_a_test() -> None:
    assert len(ROWS) > 40
    for name, file, path, test, test_path in ROWS:
        source = inspect.getsourcefile(inspect.unwrap(named(name)))  # type: ignore[arg-type]  # class, function or module
        assert source is not None
        assert Path(source) == ROOT / path, name
        assert (Path(path).name, Path(test_path).name) == (file, test)


def test_links_lead_to_files() -> None:
    links = set(re.findall(r"\]\(\.\./([^)#]+)", TEXT))
    assert {link for link in links if not (ROOT / link).is_file()} == set()


@pytest.mark.parametrize("name", citing())
def test_what_cites_an_equation_is_in_the_table(name: str) -> None:
    assert name in {row[0].rpartition(".")[2] for row in ROWS}


def test_equations_are_cited_somewhere() -> None:
    assert {"SOIDN", "segmentation_loss", "triplet_loss", "batch_triplet_loss", "decidability"} <= set(citing())

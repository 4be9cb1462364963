"""Documents are true: their links lead somewhere, what they name is there, and the README's examples run."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("callbacks", "datamodules", "experiments", "lightning_modules", "losses", "tests")
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
NOW = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]
"""Those that say what is; the other says what was."""
FILES = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.*")}
SUFFIX = r"(?:py|yaml|j2)"


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def anchors(path: Path) -> set[str]:
    """Return what a link may name inside a document: its headings, as they are rendered."""
    headings = re.findall(r"^#+ (.+)$", text(path), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def readers_own(path: Path) -> set[str]:
    """Return the files that a document's reader is to write: each is shown under its name."""
    return {*re.findall(r"^(?:\d\. `|\s*# )(\w+\.(?:py|yaml))\b", text(path), re.M)}


def named_files(path: Path) -> set[str]:
    names = re.findall(rf"(?<![\w/.…$>-])([\w/]*\w\.py|\w+/[\w/]+\.{SUFFIX})\b", text(path))
    return {name for name in names if not name.startswith("runs/")} - readers_own(path)


def named_modules(path: Path) -> set[str]:
    names = re.findall(rf"(?<![\w./-])((?:{'|'.join(ROOMS)})(?:\.\w+)+)(?![\w/])", text(path))
    return {name for name in names if f"{name.rpartition('.')[2]}.py" not in readers_own(path)}


def is_there(dotted: str) -> bool:
    """Whether a module, or what one has, can be imported."""
    place = ROOT.joinpath(*dotted.split("."))
    if place.with_suffix(".py").is_file() or place.is_dir():
        return True
    module, _, attribute = dotted.rpartition(".")
    if ROOT.joinpath(*module.split(".")).is_dir() or ROOT.joinpath(*module.split(".")).with_suffix(".py").is_file():
        return hasattr(importlib.import_module(module), attribute)
    owner, _, name = module.rpartition(".")
    return bool(owner) and is_there(module) and hasattr(getattr(importlib.import_module(owner), name), attribute)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", text(path))
    for link in links:
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", NOW, ids=lambda path: path.name)
def test_files_that_are_named_are_there(path: Path) -> None:
    missing = {name for name in named_files(path) if not any(f"/{file}".endswith(f"/{name}") for file in FILES)}
    assert not missing


@pytest.mark.parametrize("path", NOW, ids=lambda path: path.name)
def test_modules_and_classes_that_are_named_are_there(path: Path) -> None:
    assert {name for name in named_modules(path) if not is_there(name)} == set()


def test_every_document_can_be_found_from_the_readme() -> None:
    reached, new = set[Path](), {ROOT / "README.md"}
    while new:
        reached |= new
        links = {
            (path.parent / link).resolve() for path in new for link in re.findall(r"\]\(([\w./]+\.md)", text(path))
        }
        new = links - reached
    assert reached >= set(NOW)


def test_the_readme_can_be_read_in_a_few_minutes() -> None:
    assert len(text(ROOT / "README.md").split()) < 900


@pytest.mark.parametrize("code", re.findall(r"^```python\n(.*?)^```", text(ROOT / "README.md"), re.M | re.S))
def test_the_examples_of_the_readme_run(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102  our own


def test_the_newest_release_is_the_version() -> None:
    releases = re.findall(r"^## \[([\d.]+)\] - (\d{4}-\d\d-\d\d)$", text(ROOT / "CHANGELOG.md"), re.M)
    assert releases[0][0] == tomllib.loads(text(ROOT / "pyproject.toml"))["project"]["version"]
    assert releases == sorted(releases, key=lambda release: (release[1], release[0]), reverse=True)

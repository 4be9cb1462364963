"""The pages of the site: documents with links that stay inside, and a page for every module."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from experiments.cli.user_errors import UserError

ROOMS = ("losses", "datamodules", "lightning_modules", "callbacks", "experiments")
FRONT = {"README.md": "index.md"}
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
OUTSIDE = re.compile(r"[a-z]+:", re.I)


def page_of(path: str) -> str:
    """Return where the site has a file of the repository.

    Args:
        path: Below the repository's root.

    Example:
        >>> [page_of(path) for path in ("README.md", "docs/data.md", "losses/triplet.py", "tests/test_lazy.py")]
        ['index.md', 'data.md', 'reference/losses/triplet.md', 'files/tests/test_lazy.py.md']
    """
    if path.endswith(".py") and path.split("/", maxsplit=1)[0] in ROOMS:
        return f"reference/{path.removesuffix('.py').removesuffix('/__init__')}.md"
    if path.endswith((".md", ".png", ".ipynb")):
        return FRONT.get(path, path.removeprefix("docs/"))
    return f"files/{path}.md"


def write_pages(root: Path, folder: Path) -> None:
    """Write all pages.

    Args:
        root: Of the repository.
        folder: Where they go; empty.

    Raises:
        UserError: If a link leads to no file.
    """
    named: set[str] = set()
    for path in (*sorted(root.glob("*.md")), *sorted((root / "docs").glob("*.md"))):
        name = path.relative_to(root).as_posix()
        _write(folder / page_of(name), _linked(path.read_text(encoding="utf-8"), name, root, named))
    for path in (root / "docs").glob("*.*"):
        if path.suffix in (".png", ".ipynb"):
            shutil.copyfile(path, folder / path.name)
    for module in modules(root):
        name = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        _write(folder / page_of(module), f"# {name}\n\n::: {name}\n")
    for name in sorted(named):
        if page_of(name).startswith("files/"):
            kind = "python" if name.endswith(".py") else Path(name).suffix.removeprefix(".")
            _write(
                folder / page_of(name), f"# {name}\n\n````{kind}\n{(root / name).read_text(encoding='utf-8')}\n````\n"
            )


def modules(root: Path) -> Iterator[str]:
    """Yield the paths of all modules with something in them, below the root, room by room."""
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            if not path.name.startswith("_") or path.name == "__init__.py":
                yield path.relative_to(root).as_posix()


def _linked(text: str, name: str, root: Path, named: set[str]) -> str:
    """Return a document whose links lead to pages, and add the files that they name."""

    def link(found: re.Match[str]) -> str:
        before, target, after = found.groups()
        if OUTSIDE.match(target):
            return found[0]
        path = os.path.normpath(Path(name).parent / target)
        if not (root / path).exists():
            raise UserError(f"{name}: expected a link to a file, got {target}")
        if (root / path).is_dir():
            path = f"{path}/__init__.py"
        named.add(path)
        return before + os.path.relpath(page_of(path), Path(page_of(name)).parent) + after

    return LINK.sub(link, text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")

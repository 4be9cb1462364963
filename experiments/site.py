"""The documents as a site of plain files, with a page for every module from its docstrings.

    python -m experiments.site [--out site] [--serve]

Links are checked: one that leads nowhere ends the command. Pages fetch nothing from elsewhere while they are viewed.
They open as files, too, but browsers let search work only where they are served: ``--serve`` does so on this machine,
at http://127.0.0.1:8000. ``make docs`` installs what this needs.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from experiments.cli import UserError, main
from experiments.cli.arguments import Parser, check_writable
from experiments.site_pages.pages import modules, page_of, write_pages

ROOT = Path(__file__).parents[1]
PORT = 8000
EXTENSION = """
import griffe
from experiments.site_pages.markup import markdown

class Docstrings(griffe.Extension):
    def on_object(self, *, obj, **_):
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)
"""
"""What griffe, which reads the docstrings, is extended by: a file, as griffe is there only where the site is built."""
GUIDES = {
    "Use": ("training", "configuration", "data", "alignment", "sweeps", "reproducing", "evaluation", "exporting"),
    "Papers": ("contents", "choices", "results", "occlusion_maps", "triplets", "verification_maps"),
}
"""Documents by what they are for; all others are under "More"."""


def site(args: Sequence[str]) -> None:
    """Build, and serve if asked for.

    Raises:
        UserError: If the builder is not installed, a link leads nowhere, or the folder cannot be written to.
    """
    parser = Parser(prog="python -m experiments.site", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("site"))
    parser.add_argument("--serve", action="store_true", help="show it in a browser")
    options = parser.parse_args(args)
    if find_spec("mkdocs") is None:
        raise UserError("Expected mkdocs, got none: `make docs` installs it")
    check_writable(options.out, "the site")
    build(options.out.resolve())
    print(f"Site: {options.out / 'index.html'}")
    if options.serve:
        print(f"http://127.0.0.1:{PORT} (end with Ctrl+C)")
        ThreadingHTTPServer(
            ("127.0.0.1", PORT), partial(SimpleHTTPRequestHandler, directory=options.out)
        ).serve_forever()


def build(out: Path) -> None:
    """Write the site.

    Raises:
        UserError: If mkdocs has a complaint; it is told.
    """
    with tempfile.TemporaryDirectory() as folder:
        pages = Path(folder) / "pages"
        write_pages(ROOT, pages)
        config = Path(folder) / "mkdocs.yml"
        extension = Path(folder) / "docstrings.py"
        extension.write_text(EXTENSION, encoding="utf-8")
        config.write_text(yaml.safe_dump(settings(pages, out, extension), allow_unicode=True), encoding="utf-8")
        command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--clean", f"--config-file={config}"]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  our words
    if ended.returncode:
        said = [line for line in ended.stderr.splitlines() if line.startswith(("WARNING", "ERROR"))]
        raise UserError(f"Expected a site without complaints, got {'; '.join(said[:5]) or ended.stderr[-500:]}")


def settings(pages: Path, out: Path, extension: Path) -> dict[str, Any]:
    """Return what mkdocs is told."""
    return {
        "site_name": "Occlusion-robust face recognition",
        "docs_dir": str(pages),
        "site_dir": str(out),
        "use_directory_urls": False,
        "theme": {
            "name": "material",
            "font": False,  # the reader's own: others would be fetched
            "features": ["navigation.tabs", "navigation.top", "navigation.prune", "toc.follow", "content.code.copy"],
            "palette": [
                {"media": "(prefers-color-scheme: light)", "scheme": "default"},
                {"media": "(prefers-color-scheme: dark)", "scheme": "slate"},
            ],
        },
        "plugins": [
            "search",
            {"mkdocstrings": {"handlers": {"python": {"paths": [str(ROOT)], "options": docstrings(extension)}}}},
        ],
        "markdown_extensions": ["tables", "fenced_code", "pymdownx.superfences", "pymdownx.highlight", "toc"],
        "validation": {"links": {"anchors": "warn", "absolute_links": "warn", "unrecognized_links": "warn"}},
        "nav": navigation(pages),
    }


def docstrings(extension: Path) -> dict[str, Any]:
    """Return how docstrings are read and shown."""
    return {
        "docstring_style": "google",
        "extensions": [str(extension)],
        "show_root_heading": False,
        "show_root_toc_entry": False,
        "show_if_no_docstring": False,
        "show_signature_annotations": True,
        "separate_signature": True,
        "members_order": "source",
        "filters": ["!^_"],
        "heading_level": 2,
    }


def navigation(pages: Path) -> list[dict[str, Any]]:
    """Return the site's chapters."""
    documents = {path.stem: path.name for path in sorted(pages.glob("*.md")) if path.name != "index.md"}
    chapters: list[dict[str, Any]] = [{"Home": "index.md"}]
    for title, names in GUIDES.items():
        chapters.append({title: [documents.pop(name) for name in names]})
    chapters.append({"More": list(documents.values())})
    rooms: dict[str, list[str]] = {}
    for path in modules(ROOT):
        rooms.setdefault(path.split("/")[0], []).append(page_of(path))
    return [*chapters, {"Reference": [{room: names} for room, names in rooms.items()]}]


if __name__ == "__main__":
    main(site)

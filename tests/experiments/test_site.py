"""The site's pages: links stay inside and lead to pages that are there; formulas and roles are readable."""

from pathlib import Path

import pytest

from experiments.cli import UserError
from experiments.site import ROOT, navigation, site
from experiments.site_pages.markup import markdown
from experiments.site_pages.pages import LINK, OUTSIDE, write_pages


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "pages"
    write_pages(ROOT, folder)
    return folder


def test_every_link_of_every_page_leads_to_a_page(pages: Path) -> None:
    links = [
        (page, found[2])
        for page in pages.glob("*.md")
        for found in LINK.finditer(page.read_text())
        if not OUTSIDE.match(found[2])
    ]
    assert len(links) > 200
    assert not [(page.name, link) for page, link in links if not (page.parent / link).is_file()]


def test_documents_pictures_sources_and_modules_have_pages(pages: Path) -> None:
    assert "Two commands" in (pages / "index.md").read_text()
    assert (pages / "front.png").read_bytes() == (ROOT / "docs/front.png").read_bytes()
    assert (pages / "reference/losses/triplet.md").read_text() == "# losses.triplet\n\n::: losses.triplet\n"
    assert "def test_" in (pages / "files/tests/losses/test_triplet.py.md").read_text()
    named = [name for chapter in navigation(pages) for part in chapter.values() for name in _names(part)]
    written = {path.relative_to(pages).as_posix() for path in pages.rglob("*.md")}
    assert len(named) == len(set(named))
    assert {name for name in written if not name.startswith("files/")} == set(named)


def _names(part: object) -> list[str]:
    if isinstance(part, str):
        return [part]
    if isinstance(part, dict):
        return [name for inner in part.values() for name in _names(inner)]
    assert isinstance(part, list)
    return [name for inner in part for name in _names(inner)]


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("See [that](docs/gone.md).")
    with pytest.raises(UserError, match=r"README\.md: expected a link to a file, got docs/gone\.md"):
        write_pages(tmp_path, tmp_path / "out")


def test_code_blocks_and_sections_become_markdown() -> None:
    text = "Do it.\n\n.. code-block:: yaml\n\n    a: 1\n    b:\n      - 2\n\nExample:\n    >>> 1\n    1"
    assert markdown(text) == "Do it.\n\n\n~~~yaml\na: 1\nb:\n  - 2\n~~~\n\nExamples:\n    >>> 1\n    1"
    assert markdown(":class:`.FaceRegion`, :data:`~a.b.C`") == "`FaceRegion`, `C`"


def test_formulas_become_mathml() -> None:
    pytest.importorskip("latex2mathml")
    assert "<mi>&#x003B1;</mi>" in markdown(r"With :math:`\alpha > 0`.")
    block = markdown("A loss.\n\n.. math::\n    L = 1\n\nwhere")
    assert 'display="block"' in block
    assert block.endswith("\n\nwhere")


def test_without_its_builder_the_command_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.site.find_spec", lambda _: None)
    with pytest.raises(UserError, match="Expected mkdocs, got none: `make docs` installs it"):
        site([])

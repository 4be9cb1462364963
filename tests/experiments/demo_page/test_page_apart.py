"""What visitors of the page cannot reach: each other's results, files by name, another server."""

from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from experiments.demo_page.sample_faces import PAIRS
from tests.helpers.demo_page_at_work import PageAtWork
from tests.helpers.demo_page_visits import IN_A_BROWSER, expected, opened, took

pytestmark = IN_A_BROWSER


def test_four_at_once_get_their_own_results(browser: Any, served: PageAtWork) -> None:
    pages = [opened(browser, served) for _ in PAIRS]
    for turn in range(2):
        kinds = [*PAIRS][turn:] + [*PAIRS][:turn]
        for one, kind in zip(pages, kinds, strict=True):
            one.get_by_role("button", name=kind).click(no_wait_after=True)
        for one, kind in zip(pages, kinds, strict=True):
            one.get_by_text(f"score {expected(served, kind)}").first.wait_for()
    for one in pages:
        one.context.close()


def test_the_page_asks_no_other_server(browser: Any, served: PageAtWork) -> None:
    page = browser.new_context().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served.address)
    page.get_by_role("tab", name="Compare").wait_for()
    took(page, "Two people")
    assert asked
    assert [url for url in asked if not url.startswith((served.address, "data:", "blob:"))] == []
    page.context.close()


@pytest.mark.parametrize("route", ["gradio_api/file=", "file=", "static/", "assets/", "gradio_api/stream/"])
@pytest.mark.parametrize("name", ["/etc/passwd", "../../../../etc/passwd", "pyproject.toml", "{faces}/person-01-1.png"])
def test_files_are_not_served_by_name(served: PageAtWork, route: str, name: str) -> None:
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{served.address}{route}{name.format(faces=served.folder)}")  # noqa: S310  our own server
    refused.value.close()
    assert refused.value.code in (403, 404, 405, 422)

"""What visitors of the page cannot reach: each other's results, files by name, another server."""

import os
import re
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from experiments.demo_page.sample_faces import PAIRS
from tests.helpers.demo_models import Slow
from tests.helpers.demo_page_at_work import PageAtWork
from tests.helpers.demo_page_visits import IN_A_BROWSER, asked_for, expected, opened, tab, took

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


FILE = {"meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize("marked", [{}, FILE], ids=["bare", "marked"])
@pytest.mark.parametrize(
    "path", ["{faces}/person-01-1.png", "{uploads}/{up}/person-01-1.png", "/etc/passwd", "https://example.org/a.png"]
)
def test_a_request_can_name_no_file_that_was_not_uploaded(
    served: PageAtWork, path: str, marked: dict[str, Any]
) -> None:
    up = os.path.relpath(served.folder, served.uploads)
    named = {"path": path.format(faces=served.folder, uploads=served.uploads, up=up), **marked}
    found = asked_for(served, "compared", [None, named, named, "toy", False, 0.1, 0.5])
    assert not found["success"]
    assert "score" not in str(found["output"])


def test_values_that_no_slider_has_are_refused_and_others_are_answered(browser: Any, served: PageAtWork) -> None:
    first = {"path": str(served.uploaded()), **FILE}
    for share, stride in ((0.25, 0), (-1, 4), (1e9, 4), (None, 4), (0.25, "x")):
        kind = "pair, both covered"
        found = asked_for(served, "mapped", [first, first, "toy", False, kind, share, stride])
        assert not found["success"] or "Expected" in str(found["output"])
    page = opened(browser, served)
    took(page, "Two people")
    page.context.close()


def test_a_browser_keeps_nothing_of_what_was_compared(browser: Any, served: PageAtWork) -> None:
    page = opened(browser, served)
    took(page, "Two people")
    page.wait_for_timeout(1_000)
    assert page.evaluate("indexedDB.databases().then(found => found.length)") == 0
    assert "base64" not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    page.context.close()


@pytest.mark.parametrize(
    "route", ["gradio_api/file=", "file=", "static/", "assets/", "gradio_api/stream/", "gradio_api/proxy="]
)
@pytest.mark.parametrize("name", ["/etc/passwd", "../../../../etc/passwd", "pyproject.toml", "{faces}/person-01-1.png"])
def test_files_are_not_served_by_name(served: PageAtWork, route: str, name: str) -> None:
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{served.address}{route}{name.format(faces=served.folder)}")  # noqa: S310  our own server
    refused.value.close()
    assert refused.value.code in (403, 404, 405, 422)


def test_who_closes_the_page_ends_its_map(browser: Any, served: PageAtWork) -> None:
    page = opened(browser, served)
    took(page, "One person twice")
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="slow").click()
    tab(page, "Map")
    page.get_by_role("slider", name=re.compile("Pixels between")).fill("2")
    page.get_by_role("button", name="Map it").click()
    page.get_by_text(re.compile(r"about \d+ s left")).first.wait_for()
    page.context.close()
    time.sleep(2 * Slow.SECONDS + 1)
    seen = served.slow.calls
    time.sleep(4 * Slow.SECONDS)
    assert served.slow.calls == seen
    assert seen < served.slow.MOST

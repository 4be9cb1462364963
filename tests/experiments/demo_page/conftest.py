"""One page and one browser for all tests of a file."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.demo_page_at_work import CHROMIUM, PageAtWork, page_at_work
from tests.helpers.demo_page_visits import opened


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageAtWork]:
    """Serve one page for all tests."""
    with page_at_work(tmp_path_factory.mktemp("page")) as page:
        yield page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start one browser for all tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *camera])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, served: PageAtWork) -> Iterator[Any]:
    """Open the page."""
    one = opened(browser, served)
    yield one
    one.context.close()

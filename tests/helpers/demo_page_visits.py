"""Visits to the demo's page: what a person does there, in a browser."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from experiments.demo_page.demo_answers import Asked
from experiments.demo_page.sample_faces import sample
from tests.helpers.demo_page_at_work import CHROMIUM, WAIT, PageAtWork

MISSING = [name for name in ("gradio", "playwright") if importlib.util.find_spec(name) is None]
IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING) or CHROMIUM is None, reason=f"needs Chromium, and of the packages {MISSING}"),
    pytest.mark.filterwarnings("ignore"),  # what libraries of the page tell each other
]


def opened(browser: Any, served: PageAtWork, width: int = 1280, **settings: Any) -> Any:
    """Return the page, loaded, in a session of its own."""
    page = browser.new_context(viewport={"width": width, "height": 900}, **settings).new_page()
    page.set_default_timeout(WAIT)
    page.goto(served.address)
    page.get_by_role("tab", name="Compare").wait_for()
    return page


def tab(page: Any, name: str) -> None:
    """Choose a tab."""
    page.get_by_role("tab", name=name).click()


def took(page: Any, kind: str) -> None:
    """Take generated faces."""
    page.get_by_role("button", name=kind).click()
    page.locator("#comparison .verdict").first.wait_for()


def give(page: Any, which: int, path: Path | str) -> None:
    """Give the first (0) or the second photograph as a file."""
    page.locator("input[type=file]").nth(which).set_input_files(str(path))


def expected(served: PageAtWork, kind: str) -> str:
    """Return how the plain score of a pair of generated faces is written."""
    return f"{served.answers.compared(Asked(*sample(served.folder, kind), 'toy')).plain:.3f}"

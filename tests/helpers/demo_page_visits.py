"""Visits to the demo's page: what a person does there, in a browser."""

import importlib.util
import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

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


def asked_for(served: PageAtWork, handler: str, values: list[Any]) -> dict[str, Any]:
    """Return what a handler answers to values that no page has put together."""
    with urlopen(f"{served.address}config") as config:  # noqa: S310  our own server
        (number, *_) = [one["id"] for one in json.load(config)["dependencies"] if one["api_name"] == handler]
    session = uuid4().hex
    body = json.dumps({"data": values, "fn_index": number, "session_hash": session}).encode()
    headers = {"content-type": "application/json"}
    urlopen(Request(f"{served.address}gradio_api/queue/join", body, headers)).close()  # noqa: S310  as above
    with urlopen(f"{served.address}gradio_api/queue/data?session_hash={session}") as told:  # noqa: S310  as above
        messages = (json.loads(line[5:]) for line in told if line.startswith(b"data:"))
        return next(message for message in messages if message["msg"] == "process_completed")

"""What the page does not ask for is not there, and a server on this machine is asked by this machine's names alone."""

import asyncio
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from experiments.demo_page.page_guard import PageGuard
from experiments.demo_page.page_server import LOOPBACK, quiet_environment

HERE = "127.0.0.1:7860"


def answer(
    path: str, host: str = HERE, hosts: tuple[str, ...] = LOOPBACK, origin: str = ""
) -> tuple[int, dict[str, str]]:
    """Return status and headers of the answer to a request."""
    said: list[MutableMapping[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    headers = [(b"host", host.encode()), *([(b"origin", origin.encode())] if origin else [])]
    scope = {"type": "http", "path": path, "headers": headers}
    asyncio.run(PageGuard(app, hosts=hosts)(scope, None, send))
    return said[0]["status"], {name.decode(): value.decode() for name, value in said[0]["headers"]}


@pytest.mark.parametrize("path", ["/", "/config", "/assets/index.js", "/gradio_api/queue/join", "/gradio_api/file=/x"])
def test_what_the_page_is_made_of_is_answered_and_browsers_are_told_to_ask_nobody_else(path: str) -> None:
    status, headers = answer(path)
    assert status == 200
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        *("/gradio_api/runs", "/gradio_api/run-history/records", "/gradio_api/deep_link", "/gradio_api/vibe-code"),
        *("/gradio_api/proxy=https://example.org", "/gradio_api/process_recording", "/gradio_api/call/compared"),
        *("/gradio_api/run/compared", "/monitoring", "/docs", "/gradio_api/upload/x", "//config", "/config/../runs"),
    ],
)
def test_what_else_the_server_could_do_is_not_there(path: str) -> None:
    assert answer(path)[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "[::1]:7860", "127.0.0.1"])
def test_it_is_asked_by_this_machine_s_names(host: str) -> None:
    assert answer("/", host)[0] == 200


@pytest.mark.parametrize("host", ["", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example:80"])
def test_another_s_name_that_leads_here_is_refused_unless_the_server_is_for_all(host: str) -> None:
    assert answer("/", host)[0] == 403
    assert answer("/", host, hosts=())[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8000", f"https://{HERE}"])
def test_another_s_page_sends_nothing_here(origin: str) -> None:
    assert answer("/gradio_api/queue/join", origin=origin)[0] == 403
    assert answer("/gradio_api/queue/join", origin=f"http://{HERE}")[0] == 200


def test_what_was_set_for_other_pages_does_not_hold_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"GRADIO_ALLOWED_PATHS": "/", "GRADIO_SHARE": "True", "OTHER": "stays"})
    quiet_environment(tmp_path)
    assert {name for name in os.environ if name.startswith("GRADIO_")} == {
        *("GRADIO_ANALYTICS_ENABLED", "GRADIO_SSR_MODE", "GRADIO_TEMP_DIR"),
    }
    assert os.environ["OTHER"] == "stays"

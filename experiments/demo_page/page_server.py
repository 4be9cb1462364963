"""The page's server: on this machine alone, with nothing that asks another one."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from experiments.demo_page.page_guard import PageGuard

HERE = Path(__file__).parent
MOST_UPLOADED = "64mb"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
OFF = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_SSR_MODE": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "NO_PROXY": "*",  # the server looks whether it answers: not by way of another one
    "no_proxy": "*",
}
SESSIONS = 64
"""Visits whose results are kept; those before are forgotten."""


def quiet_environment(temporary: Path) -> None:
    """Keep Gradio from asking anybody, and its files in a folder of ours: before it is imported.

    What the user has set for other pages, such as folders to serve or a bucket for what visitors do, holds not here.
    """
    for name in [name for name in os.environ if name.startswith("GRADIO_")]:
        del os.environ[name]
    os.environ.update(OFF, GRADIO_TEMP_DIR=str(temporary))


def fetch_nothing() -> None:
    """Keep Gradio from fetching files that a request names by their address on another server."""
    from gradio import processing_utils  # noqa: PLC0415  an optional group

    async def refused(url: str, cache_dir: str) -> str:
        raise ValueError(f"Expected a file that was uploaded, got an address on another server: {url!r:.200}")

    processing_utils.async_ssrf_protected_download = refused


def serve(page: Any, *, host: str, port: int, folders: Iterable[Path] = (), blocks: bool = True) -> str:
    """Serve the page and return its address.

    Args:
        page: Gradio's blocks.
        host: Where it listens.
        port: Of the first that is tried; 0 is any that is free.
        folders: Whose files may be asked for by name; by default none.
        blocks: Whether to return only when the server is ended.

    Raises:
        OSError: If the port is taken.
    """
    import gradio as gr  # noqa: PLC0415  an optional group
    from starlette.middleware import Middleware  # noqa: PLC0415  comes with it

    fetch_nothing()
    guard = Middleware(PageGuard, hosts=LOOPBACK if host in LOOPBACK else ())
    _, address, _ = page.launch(
        server_name=host,
        server_port=port or None,
        share=False,
        inbrowser=False,
        quiet=True,
        prevent_thread_lock=not blocks,
        allowed_paths=[str(folder) for folder in folders],
        max_file_size=MOST_UPLOADED,
        footer_links=[],
        run_history=False,  # or every browser keeps the photographs for good
        state_session_capacity=SESSIONS,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        app_kwargs={"middleware": [guard], "docs_url": None, "redoc_url": None, "openapi_url": None},
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        head=f"<style>{style_sheet()}</style>",
    )
    return str(address)


def style_sheet() -> str:
    """Return the page's style: that of the reports, within what is ours of the page."""
    folders = [HERE, HERE.parent / "reproduction"]
    files = Environment(loader=FileSystemLoader(folders), autoescape=False)  # noqa: S701  style sheets of our own
    return files.get_template("demo_style.css").render()

"""The page's server: on this machine alone, with nothing that asks another one."""

import os
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

HERE = Path(__file__).parent
MOST_UPLOADED = "64mb"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'"
)
"""What a browser may ask: this server and nobody else."""
OFF = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}


def quiet_environment(temporary: Path) -> None:
    """Keep Gradio from asking anybody, and its files in a folder of ours: before it is imported."""
    os.environ.update(OFF, GRADIO_TEMP_DIR=str(temporary), GRADIO_SSR_MODE="False")


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
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        app_kwargs={"middleware": [_middleware()], "docs_url": None, "redoc_url": None, "openapi_url": None},
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        head=f"<style>{style_sheet()}</style>",
    )
    return str(address)


def style_sheet() -> str:
    """Return the page's style: that of the reports, within what is ours of the page."""
    folders = [HERE, HERE.parent / "reproduction"]
    files = Environment(loader=FileSystemLoader(folders), autoescape=False)  # noqa: S701  style sheets of our own
    return files.get_template("demo_style.css").render()


class OwnServerOnly:
    """Adds to every answer that a browser may ask nobody but this server.

    Args:
        app: What answers.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """See ASGI."""

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                extra = {"content-security-policy": POLICY, "referrer-policy": "no-referrer"}
                added = [(name.encode(), value.encode()) for name, value in extra.items()]
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        await self.app(scope, receive, sending)


def _middleware() -> Any:
    from starlette.middleware import Middleware  # noqa: PLC0415  comes with Gradio

    return Middleware(OwnServerOnly)

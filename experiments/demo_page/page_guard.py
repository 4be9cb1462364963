"""What stands before the page's server: what the page itself does not ask for gets no answer."""

import re
from collections.abc import Collection, MutableMapping
from typing import Any

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'"
)
"""What a browser may ask: this server and nobody else."""
HEADERS = {"content-security-policy": POLICY, "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}
USED = re.compile(
    r"/(|config|theme\.css|favicon\.ico|manifest\.json|pwa_icon|robots\.txt|(assets|static)/.*"
    r"|gradio_api/(file=.*|upload|upload_progress|queue/(join|data)|cancel|reset|heartbeat/.*|startup-events|app_id))"
)
"""Paths that the page is made of. Gradio has others, which run code, fetch from elsewhere or keep what visitors do."""


class PageGuard:
    """Answers what the page is made of, and tells browsers that they may ask nobody but this server.

    Args:
        app: What answers.
        hosts: Names that this server may be asked by, and for: pages of others, and those whose name leads here, are
            refused. Empty where everybody may ask.
    """

    def __init__(self, app: Any, *, hosts: Collection[str] = ()) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """See ASGI."""

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        if scope["type"] != "http" or (USED.fullmatch(scope["path"]) and self._is_called_so(scope)):
            await self.app(scope, receive, sending)
            return
        await sending({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
        await sending({"type": "http.response.body", "body": b"The page has nothing here."})

    def _is_called_so(self, scope: MutableMapping[str, Any]) -> bool:
        given = {name: value.decode("latin-1").lower() for name, value in scope["headers"]}
        host, origin = given.get(b"host", ""), given.get(b"origin")
        is_ours = re.sub(r":\d*$", "", host).strip("[]") in self.hosts and origin in (None, f"http://{host}")
        return not self.hosts or is_ours

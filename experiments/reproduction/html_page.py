"""How pages are made that need nothing else: whatever text is in them is only text, and their style is one."""

from base64 import b64encode
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

STYLE = Path(__file__).parent
"""Where ``page_style.css`` lies."""


def page_environment(templates: Path) -> Environment:
    """Return what renders the templates of a folder; they may include ``page_style.css``."""
    return Environment(
        loader=FileSystemLoader([templates, STYLE]),
        autoescape=True,  # whatever the name: errors, options and names are anyone's text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def data_address(content: bytes, kind: str | None) -> str:
    """Return the address of a picture that is in the page itself.

    Example:
        >>> data_address(b"x", "image/png")
        'data:image/png;base64,eA=='
    """
    return f"data:{kind};base64,{b64encode(content).decode()}"

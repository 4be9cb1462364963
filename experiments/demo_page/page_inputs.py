"""What all tabs of the page share: two photographs, a model, and how faces are found."""

from pathlib import Path
from typing import Any, NamedTuple

from experiments.demo_page.demo_answers import Asked


class PageInputs(NamedTuple):
    """Components, in the order in which handlers get their values."""

    first: Any
    second: Any
    model: Any
    finds: Any


class OpenTab(NamedTuple):
    """Which tab is looked at: what others would show is not worked on."""

    name: str
    """Of the tab that asks."""
    opened: Any
    """Holds the name of the one that is open."""
    select: Any
    """Event of the asking one's being opened."""


def photo_input(label: str) -> Any:
    """Return what takes a photograph by file, camera or clipboard, and hands on the file as it came."""
    import gradio as gr  # noqa: PLC0415  an optional group

    photo = gr.Image(
        label=label,
        alt_text=f"The {label.lower()}, as it was given",
        type="filepath",
        image_mode=None,
        format="png",
        sources=["upload", "webcam", "clipboard"],
        height=240,
        buttons=[],
    )
    # its own would decode the file before we have looked at it, and answer broken ones with a traceback
    photo.preprocess = lambda payload: None if payload is None else uploaded(payload.path)
    return photo


def uploaded(path: str | None) -> str:
    """Return a file that a visitor has uploaded, or was given; a request can name any, and Gradio lets some through.

    Raises:
        gradio.Error: If it is another.
    """
    import gradio as gr  # noqa: PLC0415  an optional group
    from gradio.utils import get_upload_folder  # noqa: PLC0415

    if path is None or not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise gr.Error("Expected a photograph that was uploaded, got another file", print_exception=False)
    return path


def asked(first: str | None, second: str | None, model: str, finds: bool) -> Asked:
    """Return what the components of :class:`PageInputs` say."""
    return Asked(first, second, model, bool(finds))

"""What all tabs of the page share: two photographs, a model, and how faces are found."""

from typing import Any, NamedTuple

from experiments.demo_page.demo_answers import Asked


class PageInputs(NamedTuple):
    """Components, in the order in which handlers get their values."""

    first: Any
    second: Any
    model: Any
    finds: Any


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
    photo.preprocess = lambda payload: None if payload is None else payload.path
    return photo


def asked(first: str | None, second: str | None, model: str, finds: bool) -> Asked:
    """Return what the components of :class:`PageInputs` say."""
    return Asked(first, second, model, bool(finds))

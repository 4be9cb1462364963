"""The tab that covers a face, by an occluder that is moved or by a brush."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from datamodules.seams.face_source import UInt8Image
from experiments.demo_page.compare_tab import far_choice
from experiments.demo_page.demo_answers import DemoAnswers
from experiments.demo_page.handlers import shown
from experiments.demo_page.page_inputs import OpenTab, PageInputs, asked
from experiments.demo_page.page_parts import paragraph, part
from experiments.demo_page.placed_occluder import INSTANCES, NAMES, PAINTED_SIDE, Placement, editor_face

EMPTY = part(paragraph("The first photograph above is covered here.", kind="note"))
BRUSH = "#1d3557"


class Taken(NamedTuple):
    """The face that is painted on, whatever is chosen above meanwhile."""

    model: str
    face: UInt8Image


def occlude_tab(answers: DemoAnswers, inputs: PageInputs, tab: OpenTab) -> None:
    """Add the tab's components, and what they do."""
    import gradio as gr  # noqa: PLC0415  an optional group

    far = far_choice()
    _moved(answers, inputs, far, tab)
    with gr.Accordion("Paint it yourself", open=False):
        _brushed(answers, inputs, far)


def _moved(answers: DemoAnswers, inputs: PageInputs, far: Any, tab: OpenTab) -> None:
    import gradio as gr  # noqa: PLC0415  an optional group

    with gr.Row():
        category = gr.Dropdown([(said, name) for name, said in NAMES.items()], value="sunglasses", label="Occluder")
        instance = gr.Slider(0, INSTANCES - 1, 0, step=1, label="Which of its kind")
    with gr.Row():
        right = gr.Slider(-50, 50, 0, step=1, label="Right, in hundredths of the face")
        down = gr.Slider(-50, 50, 0, step=1, label="Down, in hundredths of the face")
    with gr.Row():
        size = gr.Slider(40, 200, 100, step=5, label="Size in %")
        turn = gr.Slider(-90, 90, 0, step=5, label="Turned, in degrees")
    result = gr.HTML(EMPTY, elem_id="occluded")

    @shown()
    def moved(*values: Any) -> str:
        rate, kind, *numbers = values[4:]
        asks = asked(*values[:4])
        return EMPTY if asks.first is None else answers.occluded(asks, kind, Placement(*numbers), rate)

    def moved_if_open(opened: str, *values: Any) -> Any:
        return moved(*values) if opened == tab.name else gr.skip()

    sliders = [right, down, size, turn, instance]
    triggers = [one.change for one in (inputs.first, inputs.model, inputs.finds, far, category, *sliders)]
    often: dict[str, Any] = {"trigger_mode": "always_last", "show_progress": "hidden", "concurrency_limit": 4}
    every = [*inputs, far, category, *sliders]
    gr.on(triggers, moved_if_open, [tab.opened, *every], result, **often)
    tab.select(moved, every, result, **often)


def _brushed(answers: DemoAnswers, inputs: PageInputs, far: Any) -> None:
    import gradio as gr  # noqa: PLC0415  an optional group

    side = (PAINTED_SIDE, PAINTED_SIDE)
    take = gr.Button("Take the first face to paint on")
    editor = gr.ImageEditor(
        label="Paint over the face",
        type="numpy",
        sources=(),
        transforms=(),
        layers=False,
        canvas_size=side,
        fixed_canvas=True,
        format="png",
        brush=gr.Brush(default_size=24, default_color=BRUSH, colors=[BRUSH, "#000000", "#ffffff", "#7f7f7f"]),
        elem_id="editor",
    )
    result, state = gr.HTML("", elem_id="painted"), gr.State()

    @shown(outputs=3)
    def taken(*values: Any) -> tuple[str, Mapping[str, Any] | None, Taken | None]:
        asks = asked(*values)
        if asks.first is None:
            return EMPTY, None, None
        face = answers.crops(asks, both=False)[0]
        said = part(paragraph("Paint over the face; the score follows.", kind="note"))
        return said, _canvas(editor_face(face)), Taken(asks.model, face)

    @shown()
    def brushed(face: Taken | None, rate: float, canvas: Mapping[str, Any] | None) -> str:
        return EMPTY if face is None else answers.painted(face.model, face.face, canvas, rate)

    take.click(taken, [*inputs], [result, editor, state])
    often: dict[str, Any] = {"trigger_mode": "always_last", "show_progress": "hidden"}
    gr.on([editor.change, far.change], brushed, [state, far, editor], result, **often)


def _canvas(face: Any) -> dict[str, Any]:
    return {"background": face, "layers": [], "composite": None}

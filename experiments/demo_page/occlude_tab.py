"""The tab that covers a face, by an occluder that is moved or by a brush."""

from collections.abc import Mapping
from typing import Any

from experiments.demo_page.compare_tab import far_choice
from experiments.demo_page.demo_answers import DemoAnswers
from experiments.demo_page.handlers import shown
from experiments.demo_page.page_inputs import PageInputs, asked
from experiments.demo_page.page_parts import paragraph, part
from experiments.demo_page.placed_occluder import INSTANCES, NAMES, PAINTED_SIDE, Placement, editor_face

EMPTY = part(paragraph("The first photograph above is covered here.", kind="note"))
BRUSH = "#1d3557"


def occlude_tab(answers: DemoAnswers, inputs: PageInputs) -> None:
    """Add the tab's components, and what they do."""
    import gradio as gr  # noqa: PLC0415  an optional group

    far = far_choice()
    _moved(answers, inputs, far)
    with gr.Accordion("Paint it yourself", open=False):
        _brushed(answers, inputs, far)


def _moved(answers: DemoAnswers, inputs: PageInputs, far: Any) -> None:
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

    sliders = [right, down, size, turn, instance]
    triggers = [one.change for one in (inputs.first, inputs.model, inputs.finds, far, category, *sliders)]
    gr.on(
        triggers,
        moved,
        [*inputs, far, category, *sliders],
        result,
        trigger_mode="always_last",
        show_progress="hidden",
        concurrency_limit=4,
    )


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
    result = gr.HTML("", elem_id="painted")

    @shown(outputs=2)
    def taken(*values: Any) -> tuple[str, Mapping[str, Any] | None]:
        asks = asked(*values)
        if asks.first is None:
            return EMPTY, None
        face = editor_face(answers.crops(asks, both=False)[0])
        return part(paragraph("Paint over the face; the score follows.", kind="note")), _canvas(face)

    @shown()
    def brushed(*values: Any) -> str:
        *of_all, rate, canvas = values
        asks = asked(*of_all)
        return EMPTY if asks.first is None else answers.painted(asks, canvas, rate)

    take.click(taken, [*inputs], [result, editor])
    every = [*inputs, far, editor]
    gr.on([editor.change], brushed, every, result, trigger_mode="always_last", show_progress="hidden")


def _canvas(face: Any) -> dict[str, Any]:
    return {"background": face, "layers": [], "composite": None}

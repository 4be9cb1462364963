"""The tab that maps which regions decide."""

from collections.abc import Iterator
from typing import Any

from experiments.demo_page.demo_answers import CLASS_MAP, MAPS, DemoAnswers
from experiments.demo_page.handlers import shown, watched
from experiments.demo_page.page_inputs import OpenTab, PageInputs, asked
from experiments.demo_page.page_parts import paragraph, part

EMPTY = part(
    paragraph(
        "A grey square is put on every place; the map shows the score that is left. It takes seconds, of a large "
        "network minutes: the bar says how long.",
        kind="note",
    )
)


def map_tab(answers: DemoAnswers, inputs: PageInputs, tab: OpenTab) -> None:
    """Add the tab's components, and what they do."""
    import gradio as gr  # noqa: PLC0415  an optional group

    kind = gr.Radio([*MAPS, CLASS_MAP], value=next(iter(MAPS)), label="Map of the")
    with gr.Row():
        share = gr.Slider(0.05, 0.5, 0.25, step=0.05, label="Side of the square, as a share of the face's")
        stride = gr.Slider(2, 16, 4, step=1, label="Pixels between its places")
    button = gr.Button("Map it", variant="primary")
    result = gr.HTML(EMPTY, elem_id="map")

    @shown()
    def mapped(*values: Any, progress: Any = gr.Progress()) -> Iterator[Any]:  # noqa: B008  Gradio's way
        of_what, side, pixels = values[4:]
        yield from watched(answers.mapped(asked(*values[:4]), of_what, side, int(pixels)), progress, "Mapping")

    button.click(mapped, [*inputs, kind, share, stride], result, concurrency_limit=2)

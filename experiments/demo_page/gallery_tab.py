"""The tab that enrols a folder and searches it."""

from collections.abc import Iterator
from typing import Any

from experiments.demo_page.demo_answers import FIRST, DemoAnswers
from experiments.demo_page.gallery_folder import MOST_IMAGES
from experiments.demo_page.handlers import shown, watched
from experiments.demo_page.page_inputs import OpenTab, PageInputs, asked
from experiments.demo_page.page_parts import paragraph, part

EMPTY = part(
    paragraph(
        f"Enrol a folder, of at most {MOST_IMAGES:,} images, below one that the page was started with; "
        f"then search it for the {FIRST}.",
        kind="note",
    )
)


def gallery_tab(answers: DemoAnswers, inputs: PageInputs, tab: OpenTab) -> None:
    """Add the tab's components, and what they do."""
    import gradio as gr  # noqa: PLC0415  an optional group

    folders = [str(folder) for folder in answers.galleries]
    folder = gr.Dropdown(folders, value=folders[0], allow_custom_value=True, label="Folder")
    with gr.Row():
        enrol, search = gr.Button("Enrol"), gr.Button("Search", variant="primary")
    result, state = gr.HTML(EMPTY, elem_id="gallery"), gr.State()

    @shown(outputs=2)
    def enrolled(*values: Any, progress: Any = gr.Progress()) -> Iterator[Any]:  # noqa: B008  Gradio's way
        yield from watched(answers.enrolled(asked(*values[:4]), str(values[4])), progress, "Enrolling", outputs=2)

    @shown()
    def searched(*values: Any) -> str:
        return answers.found(asked(*values[:4]), values[4])

    enrol.click(enrolled, [*inputs, folder], [result, state], concurrency_limit=2)
    search.click(searched, [*inputs, state], result, concurrency_limit=4)

"""The tab that enrols a folder and searches it."""

from typing import Any

from experiments.demo_page.demo_answers import FIRST, DemoAnswers
from experiments.demo_page.face_gallery import MOST_IMAGES, Gallery
from experiments.demo_page.handlers import shown
from experiments.demo_page.page_inputs import PageInputs, asked
from experiments.demo_page.page_parts import paragraph, part

EMPTY = part(
    paragraph(
        f"Enrol a folder, of at most {MOST_IMAGES:,} images, below one that the page was started with; "
        f"then search it for the {FIRST}.",
        kind="note",
    )
)


def gallery_tab(answers: DemoAnswers, inputs: PageInputs) -> None:
    """Add the tab's components, and what they do."""
    import gradio as gr  # noqa: PLC0415  an optional group

    folders = [str(folder) for folder in answers.galleries]
    folder = gr.Dropdown(folders, value=folders[0], allow_custom_value=True, label="Folder")
    with gr.Row():
        enrol, search = gr.Button("Enrol"), gr.Button("Search", variant="primary")
    result, state = gr.HTML(EMPTY, elem_id="gallery"), gr.State()

    @shown(outputs=2)
    def enrolled(*values: Any, progress: Any = gr.Progress()) -> tuple[str, Gallery]:  # noqa: B008  Gradio's way
        progress(0.0, desc="Enrolling")
        told = lambda done: progress(done, desc="Enrolling")  # noqa: E731  one line
        found, said = answers.enrolled(asked(*values[:4]), str(values[4]), told)
        return said, found

    @shown()
    def searched(*values: Any) -> str:
        return answers.found(asked(*values[:4]), values[4])

    enrol.click(enrolled, [*inputs, folder], [result, state], concurrency_limit=2)
    search.click(searched, [*inputs, state], result, concurrency_limit=4)

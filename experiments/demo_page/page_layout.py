"""The page: what is given above, tabs below."""

from pathlib import Path
from typing import Any

from experiments.demo_page.compare_tab import compare_tab
from experiments.demo_page.demo_answers import DemoAnswers
from experiments.demo_page.gallery_tab import gallery_tab
from experiments.demo_page.map_tab import map_tab
from experiments.demo_page.occlude_tab import occlude_tab
from experiments.demo_page.page_inputs import OpenTab, PageInputs, photo_input
from experiments.demo_page.sample_faces import PAIRS, sample

TITLE = "Faces that are covered: compare, and see why"
ABOUT = "All is computed where this page is served, and nobody else is asked. Photographs are removed within two hours."
KEPT = 3600
"""Seconds for which uploads are kept, and between two looks for older ones."""
TABS = (("Compare", compare_tab), ("Occlude", occlude_tab), ("Map", map_tab), ("Gallery", gallery_tab))


def build_page(answers: DemoAnswers, samples: Path) -> Any:
    """Return the page as Gradio's blocks.

    Args:
        answers: What it asks.
        samples: Folder of generated faces.
    """
    import gradio as gr  # noqa: PLC0415  an optional group

    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(KEPT, KEPT)) as page:
        gr.HTML(f'<header class="ours"><h1>{TITLE}</h1><p class="note">{ABOUT}</p></header>')
        inputs, opened = _inputs(answers, samples), gr.State(TABS[0][0])
        with gr.Tabs():
            for name, tab in TABS:
                with gr.Tab(name) as one:
                    tab(answers, inputs, OpenTab(name, opened, one.select))
                one.select(lambda name=name: name, None, opened)
    return page.queue(default_concurrency_limit=4, max_size=64, api_open=False)


def _inputs(answers: DemoAnswers, samples: Path) -> PageInputs:
    import gradio as gr  # noqa: PLC0415  an optional group

    with gr.Row():
        first, second = photo_input("First photograph"), photo_input("Second photograph")
    with gr.Row():
        buttons = [gr.Button(f"{kind}", size="sm", min_width=120) for kind in PAIRS]
    with gr.Row():
        names, detects = answers.models.names, answers.cropper.detector is not None
        with gr.Column(min_width=260):  # columns go below each other where there is no room
            model = gr.Dropdown(names, value=names[0], label="Model")
        with gr.Column(min_width=260, visible=detects):
            finds = gr.Checkbox(detects, label="Find the face; else the middle is taken as it is")
    for kind, button in zip(PAIRS, buttons, strict=True):
        button.click(lambda kind=kind: (*sample(samples, kind), False), None, [first, second, finds])
    return PageInputs(first, second, model, finds)

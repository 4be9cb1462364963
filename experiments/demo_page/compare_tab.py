"""The tab that compares two photographs."""

from typing import Any

from experiments.demo_page.decision_points import FARS
from experiments.demo_page.demo_answers import DemoAnswers
from experiments.demo_page.handlers import shown
from experiments.demo_page.page_inputs import PageInputs, asked
from experiments.demo_page.page_parts import one_in, paragraph, part
from experiments.demo_page.pair_comparison import COVERED_FROM, PairComparison

EMPTY = part(paragraph("Drop two photographs above, take them, or press one of the buttons below them.", kind="note"))


def far_choice() -> Any:
    """Return what chooses the false accept rate that is decided at."""
    import gradio as gr  # noqa: PLC0415  an optional group

    return gr.Radio(
        [(one_in(far), far) for far in FARS], value=0.01, label="Of different people, taken for a match: at most"
    )


def compare_tab(answers: DemoAnswers, inputs: PageInputs) -> None:
    """Add the tab's components, and what they do."""
    import gradio as gr  # noqa: PLC0415  an optional group

    far = far_choice()
    least = gr.Slider(0.05, 0.95, COVERED_FROM, step=0.05, label="Shown in red: probability of an occluder above")
    result, state = gr.HTML(EMPTY, elem_id="comparison"), gr.State()
    measure = gr.Button("Measure this model's thresholds (once; minutes)", size="sm")

    @shown(outputs=2)
    def compared(*values: Any) -> tuple[str, PairComparison | None]:
        *of_all, rate, shown_from = values
        asks = asked(*of_all)
        if asks.first is None and asks.second is None:
            return EMPTY, None
        found = answers.compared(asks)
        return answers.comparison(found, asks.model, rate, shown_from), found

    @shown()
    def drawn(found: PairComparison | None, model: str, rate: float, shown_from: float) -> str:
        return EMPTY if found is None else answers.comparison(found, model, rate, shown_from)

    @shown(outputs=2)
    def measured(*values: Any, progress: Any = gr.Progress()) -> tuple[str, PairComparison | None]:  # noqa: B008  Gradio's way
        answers.measured(asked(*values[:4]).model, lambda share, said: progress(share, desc=said))
        return compared(*values)  # type: ignore[no-any-return]  # as it is annotated above

    every = [*inputs, far, least]
    changes = [component.change for component in inputs]
    gr.on(changes, compared, every, [result, state], trigger_mode="always_last", concurrency_limit=4)
    redrawn = [state, inputs.model, far, least]
    gr.on([far.change, least.change], drawn, redrawn, result, trigger_mode="always_last", show_progress="hidden")
    measure.click(measured, every, [result, state])

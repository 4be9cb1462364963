"""The tab that compares two photographs."""

from typing import Any, NamedTuple

from experiments.demo_page.decision_points import FARS
from experiments.demo_page.demo_answers import Asked, DemoAnswers
from experiments.demo_page.handlers import shown
from experiments.demo_page.page_inputs import OpenTab, PageInputs, asked
from experiments.demo_page.page_parts import one_in, paragraph, part
from experiments.demo_page.pair_comparison import COVERED_FROM, PairComparison

EMPTY = part(paragraph("Drop two photographs above, take them, or press one of the buttons below them.", kind="note"))
HALF = part(paragraph("Now the other photograph.", kind="note"))


class Compared(NamedTuple):
    """What a visitor asked last, and what came of it."""

    asked: Asked
    found: PairComparison


def far_choice() -> Any:
    """Return what chooses the false accept rate that is decided at."""
    import gradio as gr  # noqa: PLC0415  an optional group

    return gr.Radio(
        [(one_in(far), far) for far in FARS], value=0.01, label="Of different people, taken for a match: at most"
    )


def compare_tab(answers: DemoAnswers, inputs: PageInputs, tab: OpenTab) -> None:
    """Add the tab's components, and what they do."""
    import gradio as gr  # noqa: PLC0415  an optional group

    far = far_choice()
    least = gr.Slider(0.05, 0.95, COVERED_FROM, step=0.05, label="Shown in red: probability of an occluder above")
    result, state = gr.HTML(EMPTY, elem_id="comparison"), gr.State()
    is_known = answers.is_measured(answers.models.names[0])
    measure = gr.Button("Measure this model's thresholds (once; minutes)", size="sm", visible=not is_known)

    @shown(outputs=2)
    def compared(before: Compared | None, *values: Any) -> tuple[str, Compared | None]:
        *of_all, rate, shown_from = values
        asks = asked(*of_all)
        if asks.first is None or asks.second is None:
            return EMPTY if asks.first is asks.second else HALF, None
        # one press changes several inputs, and each of them asks
        found = before.found if before is not None and before.asked == asks else answers.compared(asks)
        return answers.comparison(found, asks.model, rate, shown_from), Compared(asks, found)

    def compared_if_open(opened: str, *values: Any) -> Any:
        return compared(*values) if opened == tab.name else (gr.skip(), gr.skip())

    @shown()
    def drawn(before: Compared | None, rate: float, shown_from: float) -> str:
        return EMPTY if before is None else answers.comparison(before.found, before.asked.model, rate, shown_from)

    @shown(outputs=3)
    def measured(*values: Any, progress: Any = gr.Progress()) -> tuple[str, Compared | None, Any]:  # noqa: B008  Gradio's way
        answers.measured(asked(*values[1:5]).model, lambda share, said: progress(share, desc=said))
        return (*compared(*values), gr.update(visible=False))

    every, both = [state, *inputs, far, least], [result, state]
    often: dict[str, Any] = {"trigger_mode": "always_last", "concurrency_limit": 4}
    gr.on([component.change for component in inputs], compared_if_open, [tab.opened, *every], both, **often)
    tab.select(compared, every, both, **often)
    gr.on([far.change, least.change], drawn, [state, far, least], result, show_progress="hidden", **often)
    measure.click(measured, every, [*both, measure])
    inputs.model.change(shown()(lambda model: gr.update(visible=not answers.is_measured(model))), inputs.model, measure)

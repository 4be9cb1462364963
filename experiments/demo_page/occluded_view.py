"""A face beside itself with an occluder, as the page shows both."""

from experiments.demo_page.comparison_view import verdicts
from experiments.demo_page.decision_points import ModelDecisions
from experiments.demo_page.page_parts import figure, overlay, part, row
from experiments.demo_page.pair_comparison import COVERED_FROM, PairComparison


def occluded_page(found: PairComparison, known: ModelDecisions | None, *, far: float) -> str:
    """Return a comparison of a face, first, with itself under an occluder, as HTML."""
    clean, covered = found.faces
    shown = [
        figure(clean, alt="The face without an occluder", caption="clean"),
        figure(covered, alt="The same face with the occluder", caption="covered"),
    ]
    if found.occluders is not None:
        seen = overlay(covered, found.occluders[1], COVERED_FROM)
        share = float((found.occluders[1] > COVERED_FROM).mean())
        said = f"seen as covered: {share:.0%}"
        shown.append(figure(seen, alt=f"The covered face, in red where it is {said}", caption=said))
    return part(*verdicts(found, known, far), row(shown))

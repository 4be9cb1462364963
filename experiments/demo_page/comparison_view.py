"""A comparison as the page shows it: crops, what covers them, scores, and match or no match in words."""

from collections.abc import Iterator

from experiments.demo_page.decision_points import Decisions, ModelDecisions
from experiments.demo_page.page_parts import figure, one_in, overlay, paragraph, part, row, table
from experiments.demo_page.pair_comparison import COVERED_FROM, PairComparison

SIDES = ("first", "second")
GENERATED = "generated"
OF_GENERATED = " Of photographs of people that says little: start the page with a --protocol of such."


def comparison_page(found: PairComparison, known: ModelDecisions | None, *, far: float, least: float) -> str:
    """Return a comparison as HTML.

    Args:
        found: What became of the faces.
        known: Thresholds of the model; ``None`` while they are not measured.
        far: False accept rate that is decided at.
        least: Probability above which a pixel is shown as covered.
    """
    return part(
        *verdicts(found, known, far),
        row(_faces(found, least)),
        *_dressed(found),
        *([] if known is None else [_thresholds(known)]),
    )


def verdicts(found: PairComparison, known: ModelDecisions | None, far: float) -> Iterator[str]:
    """Yield what is decided, by the plain score and by the matched one."""
    if known is None:
        yield paragraph(f"Score {found.plain:.3f}. The model's thresholds are not measured yet.", kind="verdict")
        return
    by = known.covered if found.is_covered and known.covered is not None else known.clean
    yield from decided("Compared as they are", found.plain, by, far)
    if found.matched is not None:
        yield from decided("Covered alike", found.matched, known.matched or by, far)


def decided(how: str, score: float, by: Decisions, far: float) -> Iterator[str]:
    """Yield match or no match, and what errors that threshold makes."""
    point = by.at(far)
    if point is None:
        least = f"{by.impostor:,} impostor pairs cannot measure {one_in(far)}"
        yield paragraph(f"{how}: score {score:.3f}; {least}.", kind="verdict")
        return
    match = score >= point.threshold
    said = "reaches" if match else "stays below"
    yield paragraph(
        f"{how}: {'match' if match else 'no match'}. The score {score:.3f} {said} the threshold {point.threshold:.3f}.",
        kind=f"verdict {'yes' if match else 'no'}",
    )
    yield paragraph(
        f"At this threshold {one_in(far)} pairs of different people is taken for a match (FAR {far:.1%}), and "
        f"{point.frr:.1%} of pairs of one person are refused (FRR): measured on {by.genuine:,} genuine and "
        f"{by.impostor:,} impostor {by.pairs}.{OF_GENERATED if by.protocol == GENERATED else ''}",
        kind="note",
    )


def _faces(found: PairComparison, least: float) -> Iterator[str]:
    for k, (side, face) in enumerate(zip(SIDES, found.faces, strict=True)):
        yield figure(face, alt=f"The {side} face, as it is compared", caption=f"{side}, as compared")
        if found.occluders is not None:
            share = float((found.occluders[k] > least).mean())
            said = f"covered: {share:.0%} of it, where an occluder's probability is above {least:.0%}"
            yield figure(
                overlay(face, found.occluders[k], least), alt=f"The {side} face in red where it is {said}", caption=said
            )


def _dressed(found: PairComparison) -> Iterator[str]:
    if found.dressed is None:
        if found.occluders is not None and (found.occluders > COVERED_FROM).any():
            yield paragraph("What is covered is too little, or too much, for faces to be covered alike.", kind="note")
        return
    names = [f"{side}, wearing what the {other} wears" for side, other in zip(SIDES, SIDES[::-1], strict=True)]
    shown = zip(found.dressed, names, strict=True)
    yield row(figure(face, alt=f"The face that is {name}", caption=name) for face, name in shown)


def _thresholds(known: ModelDecisions) -> str:
    lines = [
        [name, one_in(point.far), f"{point.threshold:.3f}", f"{point.frr:.1%}"]
        for name, one in zip(("clean", "one is covered", "covered alike"), known, strict=True)
        if one is not None
        for point in one.points
    ]
    said = f"Thresholds of this model by the protocol {known.clean.protocol}"
    listed = table(("pairs", "false accepts", "threshold", "false rejects"), lines, caption=said)
    return f"<details><summary>All thresholds</summary>{listed}</details>"

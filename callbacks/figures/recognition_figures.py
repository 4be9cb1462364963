"""Figures of an evaluation: ROC, CMC, scores, the worst errors, and a map of the embeddings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from callbacks.figures.style import HEADING, LETTERS, bare, legend, pictures, plots, shares
from callbacks.run_files import save_figure

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

LOWEST_FAR = 1e-5
BINS = 80
MARKERS = "osD^vP*X<>"


class Curve(NamedTuple):
    """A receiver operating characteristic, with a band where it was measured."""

    far: Floats
    """``(T,)``, ascending."""
    tar: Floats
    """``(T,)``."""
    band: tuple[Floats, Floats, Floats] | None = None
    """False accept rates, lower and upper bounds of the true accept rates, ``(F,)`` each."""


class WrongPair(NamedTuple):
    """A pair that would be decided wrongly."""

    first: Image
    second: Image
    score: float


def draw_roc(curves: Mapping[str, Curve], path: Path) -> None:
    """Draw receiver operating characteristics over a logarithmic false accept rate."""
    figure, (axes,) = plots(1, 1, width=5.0, height=4.2)
    for name, curve in curves.items():
        line = axes.step(np.maximum(curve.far, LOWEST_FAR), curve.tar, where="post", label=name)[0]
        if curve.band is not None:
            axes.fill_between(*curve.band, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    axes.set(xlim=(LOWEST_FAR, 1), ylim=(0, 1.01), xlabel="false accept rate", ylabel="true accept rate")
    legend(axes, "lower right")
    save_figure(figure, path)


def draw_cmc(rates: Mapping[str, Floats], path: Path) -> None:
    """Draw cumulative match characteristics, shares for ranks 1 … K each."""
    figure, (axes,) = plots(1, 1, width=5.0, height=4.2)
    for name, found in rates.items():
        axes.plot(np.arange(1, len(found) + 1), found, marker=".", label=name)
    axes.set(ylim=(0, 1.01), xlabel="rank", ylabel="share of probes identified")
    last = max(len(found) for found in rates.values())
    axes.set_xticks(sorted({1, *range(5, last + 1, 5)}) if last > 5 else range(1, last + 1))
    legend(axes, "lower right")
    save_figure(figure, path)


def draw_scores(scores: Mapping[str, tuple[Floats, Floats]], path: Path) -> None:
    """Draw histograms of genuine and impostor similarities, one panel for each condition."""
    figure, panels = plots(len(scores), 1, width=6.4, height=1.9 * len(scores) + 0.5, sharex="all")
    for axes, (name, kinds) in zip(panels, scores.items(), strict=True):
        counts = [np.histogram(values, BINS, range=(-1, 1))[0] / max(len(values), 1) for values in kinds]
        shares(axes, dict(zip(("genuine", "impostor"), counts, strict=True)), np.linspace(-1, 1, BINS + 1))
        axes.set_title(name, fontsize=HEADING)
    legend(panels[0])
    panels[-1].set_xlabel("cosine similarity")
    save_figure(figure, path)


def draw_errors(false_accepts: Sequence[WrongPair], false_rejects: Sequence[WrongPair], path: Path) -> None:
    """Draw the impostor pairs that are most alike and the genuine pairs that are least."""
    columns = max(len(false_accepts), len(false_rejects), 1)
    figure, panels = pictures(4, columns, width=1.3 * columns + 0.6, height=5.6)
    for top, errors, title in ((0, false_accepts, "two identities"), (2, false_rejects, "one identity")):
        for column, error in enumerate(errors):
            panels[top, column].imshow(error.first)
            panels[top + 1, column].imshow(error.second)
            heading = f"{title}\n" if column == 0 else ""
            panels[top, column].set_title(f"{heading}{error.score:.2f}", fontsize=LETTERS)
    save_figure(figure, path)


def draw_embeddings(points: Floats, identities: Sequence[str], conditions: Sequence[str], path: Path) -> None:
    """Draw points ``(N, 2)``: a colour for each identity, a marker for each condition."""
    figure, (axes,) = plots(1, 1, width=6.0, height=5.2)
    names, kinds = sorted(set(identities)), list(dict.fromkeys(conditions))
    colours = {name: f"C{number % 10}" for number, name in enumerate(names)}
    for kind, marker in zip(kinds, MARKERS * (1 + len(kinds) // len(MARKERS)), strict=False):
        rows = [row for row, condition in enumerate(conditions) if condition == kind]
        shade = [colours[identities[row]] for row in rows]
        axes.scatter(points[rows, 0], points[rows, 1], c=shade, marker=marker, s=28, alpha=0.8, label=kind)
    bare(axes)
    axes.set_title(f"{len(names)} identities, a colour each", fontsize=HEADING)
    legend(axes)
    save_figure(figure, path)

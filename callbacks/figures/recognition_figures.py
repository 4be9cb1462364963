"""Pictures of an evaluation: ROC, CMC, scores, the worst errors, and a map of the embeddings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callbacks.run_files import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


class Error(NamedTuple):
    """A pair that would be decided wrongly."""

    first: Image
    second: Image
    score: float


def draw_roc(curves: Mapping[str, Curve], path: Path) -> None:
    """Draw receiver operating characteristics over a logarithmic false accept rate."""
    figure, axes = _figure(5.0, 4.2)
    for name, curve in curves.items():
        line = axes.step(np.maximum(curve.far, LOWEST_FAR), curve.tar, where="post", label=name)[0]
        if curve.band is not None:
            axes.fill_between(*curve.band, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    axes.set(xlim=(LOWEST_FAR, 1), ylim=(0, 1.01), xlabel="false accept rate", ylabel="true accept rate")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    save_figure(figure, path)


def draw_cmc(rates: Mapping[str, Floats], path: Path) -> None:
    """Draw cumulative match characteristics, shares for ranks 1 … K each."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  as below

    figure, axes = _figure(5.0, 4.2)
    for name, shares in rates.items():
        axes.plot(np.arange(1, len(shares) + 1), shares, marker=".", label=name)
    axes.set(ylim=(0, 1.01), xlabel="rank", ylabel="share of probes identified")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    save_figure(figure, path)


def draw_scores(scores: Mapping[str, tuple[Floats, Floats]], path: Path) -> None:
    """Draw histograms of genuine and impostor similarities, one panel for each condition."""
    from matplotlib.figure import Figure  # noqa: PLC0415  takes half a second: pay only when used

    figure = Figure(figsize=(6.4, 1.9 * len(scores) + 0.5), dpi=140, layout="constrained")
    panels = figure.subplots(len(scores), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, (genuine, impostor)) in zip(panels, scores.items(), strict=True):
        for label, values in (("genuine", genuine), ("impostor", impostor)):
            shares, edges = np.histogram(values, BINS, range=(-1, 1))
            axes.stairs(100 * shares / max(len(values), 1), edges, fill=True, alpha=0.55, label=label)
        axes.set_title(name, fontsize=9)
        axes.set_ylabel("% of pairs", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, fontsize=8)
    panels[-1].set_xlabel("cosine similarity")
    save_figure(figure, path)


def draw_errors(false_accepts: Sequence[Error], false_rejects: Sequence[Error], path: Path) -> None:
    """Draw the impostor pairs that are most alike and the genuine pairs that are least."""
    from matplotlib.figure import Figure  # noqa: PLC0415  as above

    columns = max(len(false_accepts), len(false_rejects), 1)
    figure = Figure(figsize=(1.3 * columns + 0.6, 5.6), dpi=140, layout="constrained")
    panels = figure.subplots(4, columns, squeeze=False)
    for axes in panels.flat:
        axes.axis("off")
    for top, errors, title in ((0, false_accepts, "different people"), (2, false_rejects, "one person")):
        for column, error in enumerate(errors):
            panels[top, column].imshow(error.first)
            panels[top + 1, column].imshow(error.second)
            heading = f"{title}\n" if column == 0 else ""
            panels[top, column].set_title(f"{heading}{error.score:.2f}", fontsize=8)
    save_figure(figure, path)


def draw_embeddings(points: Floats, people: Sequence[str], conditions: Sequence[str], path: Path) -> None:
    """Draw points ``(N, 2)``: a colour for each person, a marker for each condition."""
    figure, axes = _figure(6.0, 5.2)
    names, kinds = sorted(set(people)), list(dict.fromkeys(conditions))
    colours = {name: f"C{number % 10}" for number, name in enumerate(names)}
    for kind, marker in zip(kinds, MARKERS * (1 + len(kinds) // len(MARKERS)), strict=False):
        rows = [row for row, condition in enumerate(conditions) if condition == kind]
        shade = [colours[people[row]] for row in rows]
        axes.scatter(points[rows, 0], points[rows, 1], c=shade, marker=marker, s=28, alpha=0.8, label=kind)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"{len(names)} people, a colour each", fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    save_figure(figure, path)


def _figure(width: float, height: float) -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure  # noqa: PLC0415  as above

    figure = Figure(figsize=(width, height), dpi=140, layout="constrained")
    return figure, figure.subplots()

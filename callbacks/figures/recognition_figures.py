"""Figures of an evaluation: ROC, CMC, scores, the worst errors, and a map of the embeddings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from callbacks.figures.style import HEADING, LETTERS, bare, legend, pictures, plots, shares
from callbacks.metrics import roc_band, roc_curve
from callbacks.recognition.identification import Identified
from callbacks.recognition.verification import Verified
from callbacks.run_files import save_figure

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

LOWEST_FAR = 1e-5
BINS = 80
BAND_POINTS, RESAMPLES = 24, 200
MARKERS = "osD^vP*X<>"


class WrongPair(NamedTuple):
    """A pair that would be decided wrongly."""

    first: Image
    second: Image
    score: float


def draw_roc(verified: Mapping[str, Verified], path: Path) -> None:
    """Draw receiver operating characteristics over a logarithmic false accept rate, with bootstrap bands."""
    figure, (axes,) = plots(1, 1, width=5.0, height=4.2)
    for name, found in verified.items():
        far, tar, _ = roc_curve(found.scores, found.same, drop_intermediate=True)
        line = axes.step(far.clamp(min=LOWEST_FAR).numpy(), tar.numpy(), where="post", label=name)[0]
        lowest = 1 / int((~found.same).sum())
        rates = np.geomspace(lowest, 1, BAND_POINTS).clip(lowest, 1)
        lower, upper = roc_band(found.scores, found.same, rates.tolist(), resamples=RESAMPLES)
        axes.fill_between(rates, lower.numpy(), upper.numpy(), color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    axes.set(xlim=(LOWEST_FAR, 1), ylim=(0, 1.01), xlabel="false accept rate", ylabel="true accept rate")
    legend(axes, "lower right")
    save_figure(figure, path)


def draw_cmc(identified: Mapping[str, Identified], path: Path) -> None:
    """Draw cumulative match characteristics."""
    figure, (axes,) = plots(1, 1, width=5.0, height=4.2)
    for name, found in identified.items():
        axes.plot(np.arange(1, len(found.cmc) + 1), found.cmc.numpy(), marker=".", label=name)
    axes.set(ylim=(0, 1.01), xlabel="rank", ylabel="share of probes identified")
    last = max(len(found.cmc) for found in identified.values())
    axes.set_xticks(sorted({1, *range(5, last + 1, 5)}) if last > 5 else range(1, last + 1))
    legend(axes, "lower right")
    save_figure(figure, path)


def draw_scores(verified: Mapping[str, Verified], path: Path) -> None:
    """Draw histograms of genuine and impostor similarities, one panel for each condition."""
    figure, panels = plots(len(verified), 1, width=6.4, height=1.9 * len(verified) + 0.5, sharex="all")
    for axes, (name, found) in zip(panels, verified.items(), strict=True):
        kinds = {"genuine": found.scores[found.same], "impostor": found.scores[~found.same]}
        counts = {kind: np.histogram(scores.double().numpy(), BINS, range=(-1, 1))[0] for kind, scores in kinds.items()}
        shares(axes, {kind: count / len(kinds[kind]) for kind, count in counts.items()}, np.linspace(-1, 1, BINS + 1))
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

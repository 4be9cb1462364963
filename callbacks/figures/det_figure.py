"""Detection error tradeoffs: how often a face is taken for another's, and how often not for its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.figures.style import HEADING, legend, plots
from callbacks.metrics.det import DetCurve
from callbacks.run_files import save_figure

TICKS = (1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
LOWEST, HIGHEST = 1e-5, 0.97
STEPS = 150
"""Points kept for each unit of the normal deviate: no more than pixels."""
MOST_COLUMNS = 3


class Tradeoff(NamedTuple):
    """What is drawn of a condition."""

    curve: DetCurve
    point: tuple[float, float] | None = None
    """The rates at the threshold in use, if there is one."""


def draw_det(
    models: Mapping[str, Mapping[str, Tradeoff]],
    path: Path,
    *,
    axes_names: tuple[str, str] = ("false accept rate", "false reject rate"),
) -> None:
    """Draw detection error tradeoffs on normal-deviate axes: a panel for each model, a line for each condition.

    Where scores are normal, lines are straight. A dot is the operating point at a threshold that was set elsewhere.

    Args:
        models: What is drawn, by model and condition.
        path: Of the picture; what it shows is told in words in its metadata, under ``Description``.
        axes_names: Of the horizontal and the vertical axis.
    """
    columns = min(MOST_COLUMNS, len(models))
    rows = -(-len(models) // columns)
    size = {"width": 0.9 + 4.1 * columns, "height": 0.4 + 3.8 * rows}
    figure, panels = plots(rows, columns, **size, sharex="all", sharey="all")
    for axes, (model, conditions) in zip(panels, models.items(), strict=False):
        for name, (curve, point) in conditions.items():
            x, y = (deviate(rates) for rates in thinned(curve))
            line = axes.step(x.numpy(), y.numpy(), where="post", label=name, linewidth=1.3)[0]
            if point is not None:
                place = (float(deviate(torch.tensor(rate))) for rate in point)
                axes.plot(*place, "o", color=line.get_color(), markersize=6, clip_on=False)
        ticks = deviate(torch.tensor(TICKS)).tolist()
        labels = [f"{100 * rate:g}" for rate in TICKS]
        limits = deviate(torch.tensor([LOWEST, HIGHEST])).tolist()
        axes.set(xlim=limits, ylim=limits)
        axes.set_xticks(ticks, labels)
        axes.set_yticks(ticks, labels)
        axes.set_title(model, fontsize=HEADING)
        axes.set(xlabel=f"{axes_names[0]}, %", ylabel=f"{axes_names[1]}, %")
        legend(axes)
    for axes in panels[len(models) :]:
        axes.set_visible(False)
    save_figure(figure, path, described=described(models, axes_names))


def deviate(rates: Tensor) -> Tensor:
    """Return the normal deviate of rates, of those beyond the axes that of their ends."""
    found: Tensor = torch.special.ndtri(rates.double().clamp(LOWEST, HIGHEST))
    return found


def thinned(curve: DetCurve) -> DetCurve:
    """Return a curve without the points that would be drawn where the one before is."""
    cells = torch.stack([(deviate(rates) * STEPS).round() for rates in curve])  # (2, T)
    keep = torch.ones(cells.shape[1], dtype=torch.bool)
    keep[1:] = (cells.diff(dim=1) != 0).any(0)
    return DetCurve(curve.false_accepts[keep], curve.false_rejects[keep])


def described(models: Mapping[str, Mapping[str, Tradeoff]], axes_names: tuple[str, str]) -> str:
    """Return the figure in words: of each line where both rates are equal, and the operating point."""
    lines = [f"Detection error tradeoff: {axes_names[1]} over {axes_names[0]}, normal-deviate axes."]
    for model, conditions in models.items():
        for name, (curve, point) in conditions.items():
            nearest = int((curve.false_accepts - curve.false_rejects).abs().argmin())
            equal = float(curve.false_accepts[nearest] + curve.false_rejects[nearest]) / 2
            at = "" if point is None else f"; at the threshold in use {100 * point[0]:.2f} % and {100 * point[1]:.2f} %"
            lines.append(f"{model}, {name}: both {100 * equal:.2f} %{at}.")
    return " ".join(lines)

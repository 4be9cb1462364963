"""Figures of a segmentation's evaluation: is its probability true, and where is it worse."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from callbacks.figures.style import HEADING, LETTERS, legend, plots
from callbacks.metrics import expected_calibration_error
from callbacks.run_files import save_figure


class Rate(NamedTuple):
    """A measure and its interval, from 0 to 1."""

    value: float
    low: float
    high: float


def draw_reliability(counts: Mapping[str, Tensor], path: Path) -> None:
    """Draw the share of covered pixels over their probability, and below how many pixels have which.

    Args:
        counts: Pixels, sum of probabilities and covered ones of each interval, ``(K, 3)``, by what to call them.
        path: Where to write the picture.
    """
    figure, (upper, lower) = plots(2, 1, width=5.0, height=5.4, sharex="all")
    upper.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
    for name, found in counts.items():
        pixels, expected, covered = found.double().unbind(1)
        some = pixels > 0
        error = float(expected_calibration_error(found))
        label = f"{name}: calibration error {100 * error:.1f} %"
        upper.plot((expected / pixels)[some].numpy(), (covered / pixels)[some].numpy(), marker=".", label=label)
        edges = np.linspace(0, 1, len(found) + 1)
        lower.stairs(100 * (pixels / pixels.sum()).numpy(), edges, label=name, linewidth=1.4)
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of pixels that are covered")
    lower.set(yscale="log", xlabel="probability of an occluder", ylabel="% of pixels")
    legend(upper)
    save_figure(figure, path)


def draw_rates(panels: Mapping[str, Mapping[str, Rate]], conditions: Sequence[str], path: Path) -> None:
    """Draw measures by condition, each with its interval.

    Args:
        panels: Rates by what to call the measure and by condition.
        conditions: From top to bottom.
        path: Where to write the picture.
    """
    figure, axes = plots(
        1, len(panels), width=2.6 + 2.0 * len(panels), height=1.1 + 0.28 * len(conditions), sharey="all"
    )
    place = {name: len(conditions) - number for number, name in enumerate(conditions)}
    for panel, (measure, rates) in zip(axes, panels.items(), strict=True):
        for name, (value, low, high) in rates.items():
            panel.plot([100 * low, 100 * high], [place[name]] * 2, color="C0", linewidth=1.6)
            panel.plot(100 * value, place[name], color="C0", marker="o", markersize=5)
        panel.set_title(f"{measure}, %", fontsize=HEADING)
    axes[0].set_yticks(list(place.values()), list(place), fontsize=LETTERS)
    save_figure(figure, path)

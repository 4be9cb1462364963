"""Error versus discard: what quality of images is worth."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from callbacks.figures.style import HEADING, LETTERS, plots
from callbacks.run_files import save_figure

MOST_COLUMNS = 3


def draw_discard(conditions: Mapping[str, Mapping[str, Tensor]], discarded: Tensor, path: Path) -> None:
    """Draw false reject rates over the share of pairs that is discarded: a panel for each condition.

    Dashed is what discarding at random leaves, dotted the best that there could be.

    Args:
        conditions: Rates ``(K,)`` by quality, by condition.
        discarded: Shares, ``(K,)``.
        path: Of the picture; what it shows is told in words in its metadata, under ``Description``.
    """
    columns = min(MOST_COLUMNS, len(conditions))
    rows = -(-len(conditions) // columns)
    figure, panels = plots(rows, columns, width=0.9 + 3.4 * columns, height=0.4 + 2.9 * rows)
    for axes, (condition, qualities) in zip(panels, conditions.items(), strict=False):
        for name, rates in qualities.items():
            axes.plot(100 * discarded.numpy(), 100 * rates.numpy(), label=name)
        first = next(iter(qualities.values()))[0]
        best = ((first - discarded) / (1 - discarded)).clamp(min=0)
        axes.axhline(100 * float(first), color="0.5", linestyle="--", linewidth=1, label="at random")
        axes.plot(100 * discarded.numpy(), 100 * best.numpy(), ":", color="0.5", linewidth=1, label="best")
        axes.set(xlabel="discarded pairs, %", ylabel="false reject rate, %", xlim=(0, 100 * float(discarded[-1])))
        axes.set_ylim(bottom=0)
        axes.set_title(condition, fontsize=HEADING)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, frameon=False, fontsize=LETTERS, loc="outside lower center", ncols=2)
    for axes in panels[len(conditions) :]:
        axes.set_visible(False)
    save_figure(figure, path, described=_described(conditions, discarded))


def _described(conditions: Mapping[str, Mapping[str, Tensor]], discarded: Tensor) -> str:
    lines = ["Error versus discard: false reject rate over the share of genuine pairs that is discarded."]
    for condition, qualities in conditions.items():
        for name, rates in qualities.items():
            first, last = (100 * float(rates[place]) for place in (0, -1))
            lines.append(
                f"{condition}, {name}: {first:.1f} %, {last:.1f} % with {100 * float(discarded[-1]):.0f} % less."
            )
    return " ".join(lines)

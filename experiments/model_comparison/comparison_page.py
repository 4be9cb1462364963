"""A comparison of models as one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from datamodules.whole_file import write_whole
from experiments.model_comparison.comparison_figure import severity_figure
from experiments.model_comparison.comparison_file import ModelComparison
from experiments.model_comparison.comparison_tables import CLEAN, TITLES, Estimates, costs, differences, tables
from experiments.reproduction.html_page import data_address, page_environment

TEMPLATE = Path(__file__).with_name("comparison.html.j2")


class Origin(NamedTuple):
    """Where a page's figures come from."""

    command: str
    commit: str
    models: Mapping[str, str]
    """Their files by their names."""
    thresholds: Mapping[str, str]
    """In words, by the models' names."""
    left_out: Sequence[str]
    """What was not measured, and why."""


def write_comparison(comparison: ModelComparison, found: Estimates, origin: Origin, path: Path) -> None:
    """Write the page; the same estimates give the same bytes.

    Args:
        comparison: What was asked for.
        found: Estimates of every model and condition.
        origin: What they are of.
        path: Of the page, which is whole or not there.
    """
    severities = [setting.name for setting in comparison.occluded]
    measures = [name for name in comparison.measures if any(name in m.get(CLEAN, {}) for m in found.values())]
    sections = [
        (
            severity,
            tables(found, measures, severity),
            costs(found, measures, severity),
            differences(found, measures, severity),
        )
        for severity in severities
    ]
    figures = [(TITLES[name], data_address(severity_figure(found, name, severities), "image/png")) for name in measures]
    page = (
        page_environment(TEMPLATE.parent)
        .get_template(TEMPLATE.name)
        .render(comparison=comparison, origin=origin, sections=sections, figures=figures, models=list(found))
    )
    write_whole(path, page)

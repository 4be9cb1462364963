"""The terminal shows the tables and comparisons of the page."""

import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from experiments.reproduction.console import console
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_file import load, papers
from experiments.reproduction.paper_parts import Column, PaperRow, Table
from experiments.reproduction.tabulated import settled_columns, table_lines
from tests.helpers.reproductions import done, small_paper, three_seeds


def printed(tables: list[object], width: int = 120) -> str:
    text = StringIO()
    for table in tables:
        Console(width=width, file=text).print(table)
    return text.getvalue()


def line(text: str, name: str) -> list[str]:
    return next(line for line in text.splitlines() if line.strip().startswith(name)).split()


def test_figures_stand_beside_the_papers() -> None:
    text = printed([*console(small_paper(), three_seeds())])
    assert line(text, "Baseline") == ["Baseline", "20.0", "±", "24.8", "–"]
    assert line(text, "SOIDN ") == ["SOIDN", "30.0", "±", "0.0", "92.5", "80.00", "±", "0.00"]
    assert line(text, "Later") == ["Later", "(not", "run)", "–", "–"]
    assert "paper: on AR." in text


def test_columns_say_what_they_are_measured_on_and_are_of_that_alone() -> None:
    runs = [done("baseline", 0, 0.2), done("soidn", 0, 0.3)]
    assert "unseen identities" in printed([*console(small_paper(), runs)])
    runs[1] = replace(runs[1], measures={**runs[1].measures, "ar/scarf/rank1": 0.9})
    text = printed([*console(small_paper(), runs)])
    assert line(text, "row") == ["row", "ar", "paper", "unseen", "identities"]
    assert line(text, "pair")[:2] == ["pair", "ar"]
    assert line(text, "Baseline") == ["Baseline", "–", "–"]
    assert line(text, "SOIDN ")[:3] == ["SOIDN", "90.0", "92.5"]
    assert line(text, "SOIDN −")[3] == "–"


def test_pairs_have_their_seeds_and_budgets() -> None:
    text = printed([*console(small_paper(), three_seeds())])
    assert line(text, "SOIDN −") == ["SOIDN", "−", "Baseline", "+15.0", "±", "63.5", "–", "2", "1.50", "2", "/", "2"]


def test_several_pairs_have_p_values_that_allow_for_their_number_and_one_has_none() -> None:
    paper = small_paper()
    rows = {**paper.rows, "third": replace(paper.rows["soidn"], name="Third")}
    pairs = [("soidn", "baseline"), ("third", "baseline")]
    several = replace(paper, rows=rows, comparisons=[replace(paper.comparisons[0], pairs=pairs)])
    gains = {"baseline": (0.0, 0.0), "soidn": (0.2, 0.2), "third": (0.1, 0.3)}
    runs = [done(row, seed, 0.5 + gain) for row, found in gains.items() for seed, gain in enumerate(found)]
    text = printed([*console(several, runs)])
    assert "(p < 0.001)" in text
    assert "(p = 0.295)" in text  # Student's with one degree of freedom: 2 · (1 / 2 − atan(2) / π)
    assert "p: Holm's, allowing for all pairs of a column." in text
    assert "Holm" not in printed([*console(paper, runs)])


def test_failures_are_told_below_as_they_are_without_markup() -> None:
    failed = [replace(run, error="got [red]x[/red]") for run in three_seeds() if run.status == "failed"]
    text = printed([*console(small_paper(), failed)])
    assert "SOIDN: failed: got [red]x[/red]" in text
    assert line(text, "SOIDN (failed)") == ["SOIDN", "(failed)", "–", "92.5", "–"]


@pytest.mark.parametrize("name", papers())
def test_no_figure_of_a_paper_is_cut_off_at_120_columns(name: str) -> None:
    paper = load(papers()[name])
    measures = {measure: 0.289 for table in paper.tables for column in table.columns for measure in column.measures}
    runs = [
        replace(done(row, seed, 0.0), measures={key: value + seed / 100 for key, value in measures.items()})
        for row in paper.rows
        for seed in range(3)
    ]
    paper = settled_columns(paper, runs)
    text = printed([*console(paper, runs)])
    assert max(map(len, text.splitlines())) <= 120
    for table in paper.tables:
        cells = [cell for line in table_lines(paper, table, runs) for cell in line.cells]
        found = printed([part for part in console(paper, runs) if str(part.title).startswith(table.title)])
        for figure in {*(cell.text for cell in cells), *(cell.published for cell in cells)} - {""}:
            both = [cell.text for cell in cells] + [cell.published for cell in cells]
            assert len(re.findall(rf"(?<![^\s]){re.escape(figure)}(?![^\s])", found)) >= both.count(figure)


@pytest.mark.parametrize("count", [1, 5])
def test_tables_fit_120_columns_and_lose_no_figure(count: int) -> None:
    columns = [Column(f"party mask {n}", ["test/rank1/scarf"], digits=2) for n in range(count)]
    row = PaperRow("SOIDN, masks after stages 2, 3 and 4, segmenter detached", "soidn")
    table = Table("Table 3", ["soidn"], columns, {"soidn": [89.25] * count}, "LFW-occ")
    paper = Paper("A paper", "here", {"soidn": row}, [table])
    text = printed([*console(paper, [done("soidn", seed, 0.9 + seed / 100) for seed in range(3)])], width=200)
    narrow = printed([*console(paper, [done("soidn", seed, 0.9 + seed / 100) for seed in range(3)])])
    assert max(map(len, narrow.splitlines())) <= 120
    for found in ("91.00 ± 2.48", "89.25"):
        assert text.count(found) == narrow.count(found) == count

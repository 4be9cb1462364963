"""What a paper's file names must be there: rows, configurations, drawings, and measures that its rows can have."""

from collections.abc import Sequence
from graphlib import CycleError
from string import Template

from datamodules.seams.conditions import CLEAN
from experiments import measures
from experiments.cli import did_you_mean
from experiments.measures.names import SPLITS, Names, monitored
from experiments.reproduction.drawings import DRAWINGS
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_parts import (
    BUILT_IN,
    EVALUATION,
    NOT_EVALUATED,
    Column,
    Measured,
    PaperRow,
    Part,
    unknown,
)
from experiments.runs.layers import SUFFIXES, SYSTEMS, configuration, merged
from experiments.runs.resolution import Config, changed
from experiments.runs.spec import map_callback


def check(paper: Paper) -> None:
    """Refuse a paper's file that cannot mean what it says.

    Raises:
        ValueError: If something that it names is not there, or a name stands for two things.
    """
    _check_rows(paper)
    _check_tables(paper)
    _check_figures(paper)
    for scale in paper.scales:
        for key in paper.rows:
            _check_references(paper, key, scale)
        try:
            paper.with_dependencies(paper.rows, scale)
        except CycleError as error:
            raise ValueError(f"rows: expected no circle of rows, got {' → '.join(error.args[1])}") from error
        _check_measures(paper, scale)


def _check_rows(paper: Paper) -> None:
    named = [(table.title, key) for table in paper.tables for key in table.published]
    parts: list[Part] = [*paper.tables, *paper.comparisons, *paper.figures, *paper.curves]
    named += [(part.title, key) for part in parts for key in part.rows]
    for place, key in (*named, *(("quick", key) for key in paper.quick)):
        if key not in paper.rows:
            raise ValueError(f"{place}: {unknown('row', key, paper.rows)}")
    for scale in paper.scales:
        if scale not in SUFFIXES:
            raise ValueError(f"scales: {unknown('scale', scale, SUFFIXES)}")
    for key, row in paper.rows.items():
        if row.system not in SYSTEMS:
            raise ValueError(f"rows: {key}: {unknown('system', row.system, SYSTEMS)}")
    _check_distinct("rows", "name", [row.name for row in paper.rows.values()])


def _check_tables(paper: Paper) -> None:
    for table in paper.tables:
        _check_distinct(table.title, "row", table.rows)
        _check_columns(table.title, table.columns)
        for key, figures in table.published.items():
            if key not in table.rows:
                raise ValueError(f"{table.title}: published: {unknown('row of the table', key, table.rows)}")
            if len(figures) != len(table.columns):
                expected = f"expected {len(table.columns)} figures, one for each column"
                raise ValueError(f"{table.title}: published: {key}: {expected}, got {len(figures)}")
    for part in paper.comparisons:
        _check_distinct(part.title, "pair", [" − ".join(pair) for pair in part.pairs])
        _check_columns(part.title, part.columns)


def _check_columns(place: str, columns: Sequence[Column]) -> None:
    _check_distinct(place, "column", [column.name for column in columns])
    for column in columns:
        by_kind: dict[str, list[str]] = {}
        for measure in column.measures:
            source = measure.partition("/")[0]
            by_kind.setdefault("the training" if source in SPLITS else source, []).append(measure)
        for kind, names in by_kind.items():
            if len(names) > 1:
                expected = f"expected one measure of {kind}, got {' and '.join(names)}"
                raise ValueError(f"{place}: {column.name}: {expected}")
        conditions = [found for measure in column.measures if (found := _condition(measure)) is not None]
        if len(set(conditions)) > 1:
            raise ValueError(f"{place}: {column.name}: expected one condition, got {' and '.join(column.measures)}")


def _condition(measure: str) -> str | None:
    """Return under which condition identities were compared, ``None`` for a measure without one.

    Example:
        >>> [_condition(name) for name in ("ar/scarf/rank1", "test/rank1/scarf", "lfw/all/eer", "val/accuracy")]
        ['scarf', 'scarf', 'none', None]
    """
    source, *parts = measure.split("/")
    if len(parts) != 2 or source in SPLITS[:-1]:
        return None
    condition = parts[1] if source in SPLITS else parts[0]
    return CLEAN if condition == "all" else condition


def _check_figures(paper: Paper) -> None:
    for figure in paper.figures:
        _check_distinct(figure.title, "row", figure.rows)
        if figure.drawing and figure.drawing not in DRAWINGS:
            raise ValueError(f"{figure.title}: {unknown('drawing', figure.drawing, DRAWINGS)}")
        if figure.file.startswith("evaluation/"):
            expected = "${evaluation}/… for a picture of an evaluation"
            raise ValueError(f"{figure.title}: expected {expected}, got {figure.file}")
    for part in paper.curves:
        _check_distinct(part.title, "row", part.rows)


def _check_distinct(place: str, kind: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{place}: expected every {kind} once, got {name!r} twice")


def _check_references(paper: Paper, key: str, scale: str) -> None:
    rows = [*paper.rows, *paper.maps()]
    for name in paper.resolved(key, scale).references():
        if name not in rows and name not in BUILT_IN:
            known = [*rows, *paper.scales[scale]]
            raise ValueError(f"rows: {key}: {unknown(f'row or a value of the scale {scale}', name, known)}")


def _check_measures(paper: Paper, scale: str) -> None:
    """Refuse measures that no row of their part can have, and watched ones that their own row does not log."""
    shown, by_row = paper.at(scale), dict[str, Names]()
    for key in paper.rows:
        row = paper.resolved(key, scale)
        config = _configured(row, scale)
        by_row[key] = _names(row, config)
        for watcher, name in monitored(config):
            _check_measure(f"rows: {key}: {watcher}", name, [by_row[key]])
    parts: list[Measured] = [*shown.tables, *shown.comparisons]
    for part in parts:
        columns = [(f"{part.title}: {column.name}", name) for column in part.columns for name in _asked(column)]
        for place, name in columns:
            _check_filled(place, name, paper, scale)
            _check_measure(place, name, [by_row[key] for key in part.rows])
    for curve in shown.curves:
        _check_measure(curve.title, curve.measure, [by_row[key] for key in curve.rows])
    for figure in shown.figures:
        _check_filled(figure.title, figure.file, paper, scale, EVALUATION)


def _asked(column: Column) -> list[str]:
    return [*column.measures, *([column.minus] if column.minus else [])]


def _configured(row: PaperRow, scale: str) -> Config:
    """Return a row's configuration with what it changes, as far as names of measures depend on it."""
    config = merged(configuration(row.system, scale))
    for key, value in row.changes.items():
        changed(config, key, value)
    maps = [map_callback(settings) for settings in row.maps.values()]
    changed(config, "trainer.callbacks+", maps)
    return config


def _names(row: PaperRow, config: Config) -> Names:
    """Return the names of what a row's training and evaluations measure."""
    logged = measures.logged_names(config)
    found = {} if row.system == NOT_EVALUATED else measures.protocol_names()
    asked = {"generated": row.evaluated, "covered": bool(row.matched)}
    evaluated = [names for protocol, names in found.items() if asked.get(protocol, True)]
    return Names(logged.known.union(*evaluated), logged.are_all)


def _check_filled(place: str, text: str, paper: Paper, scale: str, *more: str) -> None:
    for name in Template(text).get_identifiers():
        if name not in more:
            known = [*more, *paper.scales[scale]]
            raise ValueError(f"{place}: {unknown(f'value of the scale {scale}', name, known)}")


def _check_measure(place: str, name: str, rows: Sequence[Names]) -> None:
    if rows and not any(row.have(name) for row in rows):
        hint = did_you_mean(name, sorted({known for row in rows for known in row.known}))
        whose = "one of these rows" if len(rows) > 1 else "the row"
        raise ValueError(f"{place}: expected a measure of {whose}, got {name!r}{hint}")

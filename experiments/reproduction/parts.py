"""What a file in ``experiments/tables`` declares: rows, the tables made of them, comparisons and figures."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from graphlib import TopologicalSorter
from string import Template
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from experiments.cli import did_you_mean

T = TypeVar("T")
STRICT = ConfigDict(extra="forbid")
EVALUATION = "evaluation"
"""What stands for the folder of an evaluation in a figure's file."""
BUILT_IN = ("self", "weights")
"""Names that a declaration need not define: the row's own folder, and what the user starts from."""


@dataclass(frozen=True, config=STRICT)
class Row:
    """One training and its evaluation: a configuration and what is changed in it.

    Args:
        name: In tables, as in the paper's.
        config: Of ``experiments/configs``, without its scale.
        options: Keys of the configuration; one that ends in ``+`` appends. ``${row}`` in a value stands for the folder
            of another row's run of the same seed, which is run before this one, ``${self}`` for that of this one; other
            ``${…}`` for the scale's values.
        longer: How many times the configuration's epochs are trained.
        copies: Files of other rows that are copied into this one's folder, by name, before it begins: it may change
            them.
        evaluated: Whether it is also evaluated by the reproduction's protocols: on generated faces, where there are
            no others, for its figures.
    """

    name: str
    config: str
    options: dict[str, Any] = field(default_factory=dict)
    longer: float | str = 1.0
    copies: dict[str, str] = field(default_factory=dict)
    evaluated: bool = False


@dataclass(frozen=True, config=STRICT)
class Column:
    """One measure.

    Args:
        name: Its heading.
        measures: Where it is found: ``test/rank1/scarf`` of the training itself, ``ar/scarf/rank1`` of a protocol.
            Of several, of which each is another protocol's, the first that the report has counts, for all rows alike.
            ``${…}`` stands for the scale's values.
        factor: What it is multiplied with: 100 makes it per cent.
        digits: Shown after the point.
    """

    name: str
    measures: Annotated[list[str], Field(min_length=1)]
    factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 100.0
    digits: Annotated[int, Field(ge=0)] = 1


@dataclass(frozen=True, config=STRICT)
class Table:
    """A table of rows by columns, ours beside the paper's.

    Args:
        title: Which table it is.
        rows: Keys of rows.
        columns: Its measures.
        published: Row → the paper's figures by column, ``null`` where it has none.
        published_on: What the paper measured on.
        note: What a reader must know.
    """

    title: str
    rows: list[str]
    columns: list[Column]
    published: dict[str, list[float | None]] = field(default_factory=dict)
    published_on: str = ""
    note: str = ""


@dataclass(frozen=True, config=STRICT)
class Comparison:
    """Paired differences between rows, seed by seed.

    Args:
        title: What is held equal.
        pairs: Rows; the second is subtracted from the first.
        columns: The measures compared.
        note: What a reader must know.
    """

    title: str
    pairs: list[tuple[str, str]]
    columns: list[Column]
    note: str = ""


@dataclass(frozen=True, config=STRICT)
class Figure:
    """Pictures that runs have drawn, side by side.

    Args:
        title: Which figure it is.
        rows: Whose runs; the first seed's are shown.
        file: In the run's folder; may have wildcards. ``${evaluation}`` stands for the folder of each evaluation that
            the report has.
        drawing: What draws the file before the report is made, a name of ``experiments.reproduction.drawings``; empty
            where the run itself does.
        note: What a reader must know.
    """

    title: str
    rows: list[str]
    file: str
    drawing: str = ""
    note: str = ""


@dataclass(frozen=True, config=STRICT)
class Curves:
    """Measures over the epochs of a training.

    Args:
        title: What is shown.
        rows: Whose.
        measure: As it is logged, ``val/accuracy``.
    """

    title: str
    rows: list[str]
    measure: str


@dataclass(frozen=True, config=STRICT)
class Declaration:
    """A reproduction.

    Args:
        title: The paper.
        source: Its address or DOI.
        rows: By key: a word of letters, digits and ``_``.
        tables: In the paper's order.
        comparisons: Paired differences.
        figures: In the paper's order.
        curves: Training curves.
        seeds: Run by default.
        quick: Rows of ``make reproduce-quick``.
        scales: ``demo`` and ``paper``: what ``${…}`` stands for in options.
        note: What a reader must know of the whole.
    """

    title: str
    source: str
    rows: dict[str, Row]
    tables: list[Table]
    comparisons: list[Comparison] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    curves: list[Curves] = field(default_factory=list)
    seeds: Annotated[list[int], Field(min_length=1)] = field(default_factory=lambda: [0, 1, 2])
    quick: list[str] = field(default_factory=list)
    scales: dict[str, dict[str, Any]] = field(default_factory=lambda: {"demo": {}, "paper": {}})
    note: str = ""

    def needs(self, key: str, scale: str) -> list[str]:
        """Return the rows whose folders a row's options name, in their order."""
        row = self.resolved(key, scale)
        return [name for name in references([row.options, row.copies]) if name in self.rows]

    def resolved(self, key: str, scale: str) -> Row:
        """Return a row with the scale's values in the place of their names; references to rows stay."""
        row = self.rows[key]
        options, longer, copies = substituted([row.options, row.longer, row.copies], self.scales[scale])
        return replace(row, options=options, longer=float(longer), copies=copies)

    def at(self, scale: str) -> "Declaration":
        """Return the declaration with the scale's values in the place of their names in columns, figures and curves."""
        values = self.scales[scale]
        return replace(
            self,
            tables=[replace(part, columns=_filled(part.columns, values)) for part in self.tables],
            comparisons=[replace(part, columns=_filled(part.columns, values)) for part in self.comparisons],
            figures=[replace(part, file=substituted(part.file, values)) for part in self.figures],
            curves=[replace(part, measure=substituted(part.measure, values)) for part in self.curves],
        )

    def only(self, keys: Collection[str]) -> "Declaration":
        """Return the declaration of some rows: tables, comparisons, figures and curves without the others."""
        tables = [
            replace(t, rows=[r for r in t.rows if r in keys], published=_of(t.published, keys)) for t in self.tables
        ]
        comparisons = [replace(c, pairs=[p for p in c.pairs if set(p) <= set(keys)]) for c in self.comparisons]
        figures = [replace(f, rows=[r for r in f.rows if r in keys]) for f in self.figures]
        curves = [replace(c, rows=[r for r in c.rows if r in keys]) for c in self.curves]
        return replace(
            self,
            rows=_of(self.rows, keys),
            tables=[t for t in tables if t.rows],
            comparisons=[c for c in comparisons if c.pairs],
            figures=[f for f in figures if f.rows],
            curves=[c for c in curves if c.rows],
        )

    def with_needs(self, keys: Iterable[str], scale: str) -> list[str]:
        """Return rows and all that they go on from, each after what it needs, else in the file's order."""
        wanted, left = set[str](), list(keys)
        while left:
            key = left.pop()
            if key not in wanted:
                wanted.add(key)
                left += self.needs(key, scale)
        graph = {key: self.needs(key, scale) for key in self.rows if key in wanted}
        return list(TopologicalSorter(graph).static_order())


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return a message that names the nearest of the known names.

    Example:
        >>> unknown("row", "basline", ["trunk", "baseline"])
        "expected the name of a row, got 'basline'; did you mean 'baseline'?"
    """
    names = list(dict.fromkeys(known))
    hint = did_you_mean(name, names) or f"; there are {', '.join(names)}"
    return f"expected the name of a {kind}, got {name!r}{hint}"


def _filled(columns: Sequence[Column], values: Mapping[str, Any]) -> list[Column]:
    return [replace(column, measures=substituted(column.measures, values)) for column in columns]


def _of(values: Mapping[str, T], keys: Collection[str]) -> dict[str, T]:
    return {key: value for key, value in values.items() if key in keys}


def references(node: Any) -> list[str]:
    """Return the names in ``${…}`` of all strings, each once."""
    if isinstance(node, str):
        return Template(node).get_identifiers()
    children = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    return list(dict.fromkeys(name for child in children for name in references(child)))


def substituted(node: Any, values: Mapping[str, Any]) -> Any:
    """Put values in the place of ``${…}``: a string that is nothing else becomes the value itself."""
    if isinstance(node, str):
        name = node[2:-1]
        if node == f"${{{name}}}" and name in values:
            return substituted(values[name], {key: value for key, value in values.items() if key != name})
        return Template(node).safe_substitute({key: str(value) for key, value in values.items()})
    if isinstance(node, Mapping):
        return {key: substituted(child, values) for key, child in node.items()}
    return [substituted(child, values) for child in node] if isinstance(node, list) else node

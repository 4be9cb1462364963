"""The parts of a paper's file: rows, the tables made of them, comparisons, figures and curves."""

from collections.abc import Iterable
from dataclasses import field
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from experiments.cli import did_you_mean
from experiments.runs.resolution import references

STRICT = ConfigDict(extra="forbid")
EVALUATION = "evaluation"
"""What stands for the folder of an evaluation in a figure's file."""
OF_THE_SYSTEM = "system"
"""What a row starts from that does not say."""
NOT_EVALUATED = "segmentation"
"""The system whose network makes no embeddings."""
BUILT_IN = ("self", "weights", OF_THE_SYSTEM)
"""Names that a paper's file need not define: the row's own folder, and what the user or the system starts from."""


@dataclass(frozen=True, config=STRICT)
class PaperRow:
    """One training and its evaluation: a system and what is changed in it.

    Args:
        name: In tables, as in the paper's.
        system: Of ``experiments/tables/systems.yaml``.
        changes: Keys of its configuration; one that ends in ``+`` appends. ``${row}`` in a value stands for the folder
            of another row's run of the same seed, ``${row_name}`` for that of its maps of a name, which are run before
            this one, ``${self}`` for that of this one, ``${default_occluders}`` for those of the default mixture; other
            ``${…}`` for the scale's values.
        starts_from: Another row, by its key, or the user's weights, ``${weights}``; ``null`` for random weights. By
            default what the system starts from.
        longer: How many times the configuration's epochs are trained.
        copies: Files of other rows that are copied into this one's folder, by name, before it begins: it may change
            them.
        maps: By name, settings of ``callbacks.OcclusionMapping``, or ``class_path`` and ``init_args`` of another that
            makes maps, or a scale's value that has them: maps that are made of the trained model, and whose measures
            are the row's.
        evaluated: Whether it is also evaluated by the reproduction's protocols: on generated faces, where there are
            no others, for its figures.
        matched: Another row, by its key, or ``self``: what makes the masks of matched comparison. The row is then also
            evaluated on ``covered`` faces, by mirror averaging, matched comparison, both, and random views without
            masks, as soon as both rows are trained: masks may be of a row that starts from this one.
    """

    name: str
    system: str
    changes: dict[str, Any] = field(default_factory=dict)
    starts_from: str | None = OF_THE_SYSTEM
    longer: float | str = 1.0
    copies: dict[str, str] = field(default_factory=dict)
    maps: dict[str, Any] = field(default_factory=dict)
    evaluated: bool = False
    matched: str = ""

    def references(self) -> list[str]:
        """Return the names in ``${…}`` that its training needs, and what the row starts from."""
        start = self.starts_from or ""
        named = f"${{{start}}}" if start.isidentifier() else start
        return references([named, self.changes, self.copies, self.maps])


@dataclass(frozen=True, config=STRICT)
class Column:
    """One measure.

    Args:
        name: Its heading.
        measures: Where it is found: ``test/rank1/scarf`` of the training itself, ``ar/scarf/rank1`` of a protocol.
            Of several, of which each is another protocol's, the first that the report has counts, for all rows alike.
            ``${…}`` stands for the scale's values.
        minus: A measure that is subtracted, run by run: what one way to compare the same faces brings beyond another.
            In a comparison it is the other row's.
        factor: What it is multiplied with: 100 makes it per cent.
        digits: Shown after the point.
    """

    name: str
    measures: Annotated[list[str], Field(min_length=1)]
    minus: str = ""
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

    @property
    def rows(self) -> list[str]:
        """Keys of all pairs' rows."""
        return [key for pair in self.pairs for key in pair]


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


Measured = Table | Comparison
Part = Measured | Figure | Curves
"""Of a page: each has a title and rows."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return a message that names the nearest of the known names.

    Example:
        >>> unknown("row", "basline", ["trunk", "baseline"])
        "expected the name of a row, got 'basline'; did you mean 'baseline'?"
    """
    names = list(dict.fromkeys(known))
    hint = did_you_mean(name, names) or f"; there are {', '.join(names)}"
    return f"expected the name of a {kind}, got {name!r}{hint}"

"""How far a classifier can tell drawn occluders from real ones by their edges: 50 % is not at all.

    python -m experiments.drawn_or_real --real FOLDER --drawn FOLDER [--size 112] [--seed 0]
    python -m experiments.drawn_or_real --real FOLDER --faces FACES --category mask [--occluders FOLDER]
                                        [--colour-transfer 0 0.4] [--feather 0.3 1.5] [--shadow 0.1 0.4]

A folder has images and masks (folders `images` and `masks`, bright where the occluder is), or RGBA images whose alpha
is the mask. The second command covers faces now, as many as there are real ones, blended in as the options say. A
linear classifier of colours across the occluders' edges is cross-validated in five folds; images of one name, the same
photograph in both sets, are in one fold. Controls: two random halves of each set, which must give chance; and both sets
read along the masks turned upside down, away from their own edges: what is told there is told by the photographs and
not by the occluders. See docs/occluder_templates.md.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from experiments.cli import UserError, main
from experiments.cli.arguments import Parser, count, whole
from experiments.cli.shown_table import show_table
from experiments.occluder_gap.drawn_set import add_drawing, drawn_images
from experiments.occluder_gap.edge_classifier import FEWEST, REPLICATES, Told, halves, tell_apart
from experiments.occluder_gap.edge_features import REACH, edge_features
from experiments.occluder_gap.masked_images import MaskedImage, masked_images

Described = Callable[[MaskedImage], NDArray[np.float32] | None]
SMALLEST = 8 * REACH


class EdgeSet(NamedTuple):
    """Features of a set's images that have an edge."""

    features: NDArray[np.float32]
    names: list[str]


def drawn_or_real(args: Sequence[str]) -> None:
    """Measure and print.

    Raises:
        UserError: If an option is wrong.
        DataError: If a folder cannot be used, or has too few images.
    """
    options = _parse(args)
    images = [list(masked_images(options.real, options.size))]
    images.append(list(_drawn(options, len(images[0]))))
    real, drawn = (_edges(found, lambda one: edge_features(one.image, one.mask)) for found in images)
    how = {"seed": options.seed, "replicates": options.replicates}
    rows = {"real against drawn": _apart(real, drawn, how)}
    for name, part in (("real", real), ("drawn", drawn)):
        if len(part.names) >= 2 * FEWEST:
            rows[f"control: halves of {name}"] = halves(*part, **how)
    away = [_edges(found, _upside_down) for found in images]
    if all(len(part.names) >= FEWEST for part in away):
        rows["control: away from the edges"] = _apart(away[0], away[1], how)
    _print(rows)


def _drawn(options: argparse.Namespace, number: int) -> Iterable[MaskedImage]:
    return masked_images(options.drawn, options.size) if options.drawn else drawn_images(options, number)


def _edges(images: Iterable[MaskedImage], described: Described) -> EdgeSet:
    found = [(one.name, described(one)) for one in images]
    kept = [(name, features) for name, features in found if features is not None]
    return EdgeSet(np.array([features for _, features in kept], np.float32), [name for name, _ in kept])


def _upside_down(one: MaskedImage) -> NDArray[np.float32] | None:
    """Describe the face where its mask would have an edge if it were upside down, and has none."""
    return edge_features(one.image, one.mask[::-1], apart=one.mask)


def _apart(real: EdgeSet, drawn: EdgeSet, how: Mapping[str, int]) -> Told:
    return tell_apart(real.features, drawn.features, [*real.names, *drawn.names], **how)


def _print(rows: dict[str, Told]) -> None:
    table = Table(box=SIMPLE_HEAD, caption="in %, with 95 % intervals over photographs; 50 is chance")
    for heading in ("what is told apart", "images", "AUC", "accuracy"):
        table.add_column(heading, justify="left" if heading.startswith("what") else "right")
    for name, told in rows.items():
        cells = (_share(told.auc, told.auc_interval), _share(told.accuracy, told.accuracy_interval))
        table.add_row(name, " + ".join(map(str, told.images)), *cells)
    show_table(table, width=100)


def _share(value: float, interval: Iterable[float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m experiments.drawn_or_real", description=__doc__)
    parser.add_argument("--real", type=Path, required=True, help="folder of photographs of covered faces with masks")
    parser.add_argument("--drawn", type=Path, help="folder of faces that were covered by templates")
    add_drawing(parser)
    parser.add_argument("--size", type=count, default=112, help="side in pixels that all images are brought to")
    parser.add_argument("--seed", type=whole("--seed", 0), default=0, help="of folds, halves and draws")
    parser.add_argument("--replicates", type=count, default=REPLICATES, help="photographs drawn anew for intervals")
    options = parser.parse_args(args)
    if (options.drawn is None) == (options.faces is None):
        raise UserError(f"Expected --drawn or --faces, got {'neither' if options.drawn is None else 'both'}")
    if options.size < SMALLEST:
        raise UserError(f"Expected --size of at least {SMALLEST}, got {options.size}")
    return options


if __name__ == "__main__":
    main(drawn_or_real)

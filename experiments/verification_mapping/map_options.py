"""The options of verification maps."""

import argparse
import math
from collections.abc import Callable, Sequence
from typing import get_args

from callbacks.occlusion_sensitivity.plan import Pair
from callbacks.occlusion_sensitivity.verification_maps import Covered
from experiments.cli import UserError
from experiments.cli.arguments import Parser, rate, whole
from experiments.evaluation.brought_models import check_pixel_options
from experiments.evaluation.evaluation_options import EXTRACTOR, add_loading, add_pixels, add_protocols


def parsed(args: Sequence[str], description: str) -> argparse.Namespace:
    """Return the options of a command line.

    Raises:
        UserError: If one is wrong.
    """
    parser = Parser(prog="python -m experiments.verification_maps", description=description)
    parser.add_argument("--model", required=True, help=f"a checkpoint of a run, {EXTRACTOR}")
    for add in (add_pixels, add_protocols, _add_pairs, _add_occluder, _add_curves, _add_files, add_loading):
        add(parser)
    options = parser.parse_args(args)
    if len(options.protocol) != 1:
        raise UserError(f"Expected one --protocol, got {len(options.protocol)}")
    for option in ("threshold", "far"):
        _check_distinct(option, getattr(options, option) or ())
    options.extractor = [options.model]
    check_pixel_options(options)
    return options


def _add_pairs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--condition", help="of the protocol; by default `all`, or its only one")
    parser.add_argument("--limit", type=whole("--limit", 1), default=100, help="most genuine pairs, drawn at random")
    parser.add_argument("--seed", type=whole("--seed", 0), default=0, help="of that draw, and of all others")
    chosen = parser.add_mutually_exclusive_group()
    said = "scores that pairs must reach, in [-1, 1]; by default that of --far"
    chosen.add_argument("--threshold", type=number("--threshold", -1, 1), nargs="+", help=said)
    said = "false accept rates, of which the protocol's impostor pairs give the thresholds"
    chosen.add_argument("--far", type=rate("--far"), nargs="+", default=[0.001], help=said)


def _add_occluder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--occluder", type=occluder_size, default=(20, 20), help="height x width in pixels: 20x20")
    parser.add_argument("--fill", type=number("--fill", 0, 255), default=127.5, help="its grey level")
    parser.add_argument("--stride", type=whole("--stride", 1), default=4, help="pixels between its centres")
    kinds, default = get_args(Covered), ["both", "first"]
    parser.add_argument("--covered", nargs="+", choices=kinds, default=default, help="which of a pair's images")
    parser.add_argument("--dense", action="store_true", help="embed whole images, also where windows would do")


def _add_curves(parser: argparse.ArgumentParser) -> None:
    said = "shares of the image at which deletion and insertion are scored; 0 leaves them out"
    parser.add_argument("--steps", type=whole("--steps", 0), default=10, help=said)
    parser.add_argument("--classifier-map", help="occlusion map (.npz) of a classifier, to delete and insert by")


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", default="runs/verification_maps")
    parser.add_argument("--cache", default="runs/embeddings", help="where embeddings are kept")
    parser.add_argument("--replicates", type=whole("--replicates", 1), default=1000, help="of identities drawn anew")


def _check_distinct(option: str, values: Sequence[float]) -> None:
    """Refuse values that files and measures would be called alike by."""
    if len({f"{value:g}" for value in values}) < len(values):
        raise UserError(f"Expected --{option} values that differ in their first six digits, got {values}")


def occluder_size(text: str) -> Pair:
    """Return height and width of ``20x20``.

    Example:
        >>> occluder_size("20x40")
        (20, 40)
    """
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise UserError(f"Expected --occluder as height x width in pixels, such as 20x20, got {text!r}")
    return int(sides[0]), int(sides[1])


def number(option: str, least: float, most: float) -> Callable[[str], float]:
    """Return what reads an option that is a number within bounds."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise UserError(f"Expected {option} in [{least:g}, {most:g}], got {text!r}")
        return value

    return read

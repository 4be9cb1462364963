"""The options of error-versus-discard curves; nothing that takes long is loaded for them."""

import argparse

from experiments.cli import UserError

NORM = "norm"
"""Stands for the length of an image's embedding."""
FIRST_ERROR = 0.05


def add_quality(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    said = f"what tells good images: {NORM}, the embedding's length, or whose masks say how much of the face is covered"
    parser.add_argument("--quality", action="append", default=[], metavar="SOURCE", help=said)
    said = f"false reject rate before anything is discarded, which sets the threshold; default {FIRST_ERROR:g}"
    parser.add_argument("--discard-error", type=_rate, metavar="RATE", help=said)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1:
        raise UserError(f"Expected --discard-error in (0, 1), got {text!r}")
    return rate

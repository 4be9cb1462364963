"""The options of comparisons; nothing that takes long is loaded for them."""

import argparse

from callbacks.recognition.pair_scorer import RERANKED

VIEW_NAMES = ("mirror", "zoom", "shift")
LABELS = "labels"
"""Stands for the label maps that a protocol has itself: an upper bound."""


def add_comparisons(parser: argparse.ArgumentParser) -> None:
    """Add the options of comparisons."""
    parser.add_argument("--views", nargs="+", choices=VIEW_NAMES, help="embedded beside each face, and averaged")
    said = "control: averaged over a face and N − 1 seeded crops and mirror images of it, without masks"
    parser.add_argument("--random-views", type=int, metavar="N", help=said)
    said = f"covers pairs alike, by the masks of a checkpoint, an extractor or {LABELS}, the protocol's own label maps"
    parser.add_argument("--matched", action="append", default=[], metavar="MASKS", help=said)
    parser.add_argument("--matched-setting", action="append", default=[], metavar="NAME=VALUE", help="such as grow=2")
    parser.add_argument("--rerank", type=int, help=f"candidates of a probe that --matched compares; default {RERANKED}")

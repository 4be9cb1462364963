"""The protocols of people with and without masks, by the options of an evaluation's command line."""

from argparse import Namespace
from typing import Any

from datamodules.protocols import EvaluationProtocol, mfr2_pairs, rmfrd_faces, rof_faces

PEOPLE = ("mfr2", "rof", "rmfrd")


def people_protocol(name: str, root: str, options: Namespace) -> EvaluationProtocol:
    """Return one of them.

    Args:
        name: Among ``PEOPLE``.
        root: Folder of images.
        options: Of the command line.

    Raises:
        DataError: If its files cannot be used, or are others than the published ones; the option that allows them is
            named.
    """
    allow: dict[str, Any] = {"allow_other_counts": options.allow_other_counts}
    if name == "rmfrd":
        return rmfrd_faces(root, **allow)
    allow["allow_missing"] = options.allow_missing
    if name == "rof":
        return rof_faces(root, pickles=options.pickles, **allow)
    return mfr2_pairs(root, pairs=options.pairs, labels=options.labels, **allow)

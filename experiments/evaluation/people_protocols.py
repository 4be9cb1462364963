"""The protocols of people with and without masks, by the options of an evaluation's command line."""

from argparse import Namespace
from typing import Any

from datamodules.protocols import EvaluationProtocol, mfr2_pairs
from experiments.cli import UserError

PEOPLE = ("mfr2",)


def people_protocol(name: str, root: str, options: Namespace) -> EvaluationProtocol:
    """Return one of them.

    Args:
        name: Among ``PEOPLE``.
        root: Folder of images.
        options: Of the command line.

    Raises:
        UserError: If an option is of another one.
        DataError: If its files cannot be used, or are others than the published ones; the option that allows them is
            named.
    """
    allow: dict[str, Any] = {"allow_other_counts": options.allow_other_counts, "allow_missing": options.allow_missing}
    if options.labels and "mfr2" not in options.protocol:
        raise UserError("Expected --labels with --protocol mfr2, got another")
    return mfr2_pairs(root, pairs=options.pairs, labels=options.labels, **allow)

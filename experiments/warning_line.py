"""A warning to people: one line, in the first process."""

import sys

from pytorch_lightning.utilities import rank_zero_only


@rank_zero_only
def warn(message: str) -> None:
    """Print a warning in one line to stderr."""
    print(f"warning: {message}", file=sys.stderr)

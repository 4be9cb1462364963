"""What the first process alone does: telling and writing."""

import sys


def is_first() -> bool:
    """Whether this is the first process of those that work together, also before they have met."""
    from pytorch_lightning.utilities import rank_zero_only  # noqa: PLC0415  takes seconds, and sets the rank

    return int(getattr(rank_zero_only, "rank", 0)) == 0


def warn(message: str) -> None:
    """Print a warning in one line to stderr."""
    if is_first():
        print(f"warning: {message}", file=sys.stderr)

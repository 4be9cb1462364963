"""The three things that can be done with a command line of ``experiments.train``: parse, build and run it.

What its words alone tell is refused first, before the libraries are loaded that take seconds.
"""

from collections.abc import Callable, Sequence
from typing import Any

from experiments import cli as room
from experiments.cli.option_names import check_option_names
from experiments.cli.words import prepared


def run(
    args: Sequence[str], *, cli: "Callable[..., room.FaceCLI] | None" = None, siblings: Sequence[str] = ()
) -> "room.FaceCLI":
    """Run one command line in this process.

    Args:
        args: As in ``python -m experiments.train``: a subcommand and its options.
        cli: What does that, in place of the usual; made of the prepared words and the siblings.
        siblings: Options of the calling command, which a misspelt key may have meant.

    Raises:
        UserError: If what was asked for cannot be done; the message is one line.
    """
    words = _checked(args, siblings)
    return room.called(cli or room.FaceCLI, words, siblings)


def build(args: Sequence[str], *, siblings: Sequence[str] = ()) -> "room.FaceCLI":
    """Build all that a command line asks for, and run nothing; arguments and errors are those of :func:`run`."""
    words = _checked(args, siblings)
    return room.called(room.BuildingCLI, words, siblings)


def parse(args: Sequence[str], *, siblings: Sequence[str] = ()) -> dict[str, Any]:
    """Return all that a command line's configuration says, defaults included, whether or not its files are there.

    Arguments and errors are those of :func:`run`.
    """
    words = _checked(args, siblings)
    config = room.called(room.parsed, words, siblings).config
    resolved: dict[str, Any] = config[config["subcommand"]].as_dict()
    return resolved


def _checked(args: Sequence[str], siblings: Sequence[str]) -> list[str]:
    words = prepared(args)
    check_option_names(words, siblings)
    return words

"""What is said of an error that reading, building or running a command line has raised."""

import traceback

from jsonargparse import ArgumentError
from lightning_fabric.utilities.exceptions import MisconfigurationException

from datamodules.errors import DataError
from experiments.cli.messages import brief
from experiments.cli.user_errors import UnforeseenError, UserError, said

REFUSALS = (ValueError, OSError, RuntimeError, KeyError, MisconfigurationException)
"""What classes raise at a value they cannot take; torch's are RuntimeErrors (shapes), smp's KeyErrors (names)."""
WORDED = (ValueError, OSError, ImportError, AttributeError, ArgumentError, MisconfigurationException)
"""Of what is raised while a command line is read and built, what is said in words that need no traceback."""


def refusal(error: BaseException, worded: tuple[type[BaseException], ...] = WORDED) -> UserError:
    """Return what is said of an error.

    It is always an error of its own: one that is raised from an error which it has caused has causes without end. Of
    ``worded`` errors the own words do; of others the traceback is kept.
    """
    if isinstance(error, UserError):
        return type(error)(str(error))
    if isinstance(error, DataError):  # from a loading process it comes with that process's traceback before it
        return UserError(str(error).rpartition("DataError: ")[2])
    if isinstance(error, worded) and str(error):
        return UserError(brief(str(error)))
    return UnforeseenError(brief(said(error)))


def root_cause(error: BaseException) -> BaseException:
    """Return what a class raised: the parser wraps it in errors of its own, one for each level of the config."""
    while error.__cause__ is not None:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        if not str(frame.f_globals["__name__"]).startswith("jsonargparse."):
            break
        error = error.__cause__
    return error

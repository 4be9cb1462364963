"""Errors in what the user gave us, as opposed to errors of ours."""


class DataError(ValueError):
    """A dataset, image or label that cannot be used as it is: one line, with where, what was expected, what came."""

"""Errors in what the user gave us, as opposed to errors of ours."""

_LONGEST = 2000


class DataError(ValueError):
    """A dataset, image or label that cannot be used as it is: one line, with where, what was expected, what came.

    What came may be anything: characters that would break the line or steer a terminal are shown as escapes, and of a
    long message the middle is left out. From a loading process an error comes back with that process's traceback before
    it, which is dropped.

    Example:
        >>> str(DataError("a.csv: expected a number, got 1\\n2"))
        'a.csv: expected a number, got 1\\\\n2'
    """

    def __init__(self, message: str) -> None:
        own = message.rpartition("DataError: ")[2].strip() if message.startswith("Caught DataError in ") else message
        line = "".join(character if character.isprintable() else repr(character)[1:-1] for character in own)
        half = _LONGEST // 2
        super().__init__(line if len(line) <= _LONGEST else f"{line[:half]} … {line[-half:]}")

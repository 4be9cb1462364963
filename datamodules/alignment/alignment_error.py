"""Why one face has no crop."""

from datamodules.errors import DataError


class AlignmentError(DataError):
    """One image that cannot be aligned; the others can.

    Args:
        kind: Under what it is counted, such as ``"no landmarks"``.
        message: One line that names the image.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def one_line(error: BaseException) -> str:
    r"""Return type and message of an error of other people's code in one line.

    Example:
        >>> one_line(ValueError("no\n  weights"))
        'ValueError: no weights'
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())}"

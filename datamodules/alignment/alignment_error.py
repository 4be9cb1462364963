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

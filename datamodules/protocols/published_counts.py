"""Whether a dataset is the published one: as many people, images and pairs as its authors tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from datamodules.errors import DataError


@dataclass(frozen=True)
class Published:
    """A number that a dataset's authors tell.

    Attributes:
        number: What they tell.
        rounded: What they have rounded it to.
    """

    number: int
    rounded: int = 1

    def holds(self, found: int) -> bool:
        """Whether a count is that number, as far as it is told.

        Example:
            >>> Published(5000, rounded=1000).holds(4600), Published(53).holds(52)
            (True, False)
        """
        return abs(found - self.number) <= self.rounded // 2

    def __str__(self) -> str:
        return f"{'about ' * (self.rounded > 1)}{self.number:,}"


def other_counts(
    where: Path, found: Mapping[str, int], published: Mapping[str, Published], *, allow_other: bool
) -> list[str]:
    """Return a line for each count that is not the published one, where others are allowed.

    Args:
        where: The dataset, for messages.
        found: Counts by what is counted.
        published: Those that are published, of all of these.
        allow_other: Return what differs instead of refusing it.

    Raises:
        DataError: If one differs and may not; the line tells all that do.
    """
    differ = {what: number for what, number in found.items() if not published[what].holds(number)}
    if differ and not allow_other:
        told = "; ".join(f"{published[what]} {what}, got {number:,}" for what, number in differ.items())
        raise DataError(f"{where}: expected, as published, {told}; --allow-other-counts takes others")
    return [f"{published[what]} {what} are published, here are {number:,}" for what, number in differ.items()]

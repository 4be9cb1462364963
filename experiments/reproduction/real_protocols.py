"""The protocols that a reproduction is evaluated by, and what tells one from another of the same name."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from datamodules.protocols import ar_faces, lfw_pairs
from experiments.evaluation.named_protocols import pairs_beside
from experiments.runs.digests import digest
from experiments.runs.file_contents import Contents


class Protocol(NamedTuple):
    """A protocol of ``experiments.evaluate`` on certain files."""

    name: str
    """As in measures, ``ar`` in ``ar/scarf/rank1``."""
    options: tuple[str, ...]
    """Of ``experiments.evaluate``."""
    files: str = ""
    """Digest of what is read: other files are another protocol."""

    @property
    def folder(self) -> str:
        """Name of the folder of its results, in that of a run's evaluations."""
        return f"{self.name}-{digest(*self.options[:1], self.files)}"


GENERATED = Protocol("generated", ("--protocol=generated",))
"""Where no other is there, for the figures of rows that ask for it."""


def real_protocols(lfw: str | None, ar: str | None, contents: Contents) -> list[Protocol]:
    """Return the protocols of the sets that are there, after a look whether they can be read.

    Args:
        lfw: LFW's folder, with a list of pairs in or beside it.
        ar: AR's folder.
        contents: Reads the files.

    Raises:
        DataError: If one cannot be used.
        UserError: If there is no list of LFW's pairs.
    """
    return [*(_lfw(lfw, contents) if lfw else ()), *(_ar(ar, contents) if ar else ())]


def _lfw(root: str, contents: Contents) -> Iterator[Protocol]:
    pairs: Path = pairs_beside(root)
    lfw_pairs(root, pairs)
    files = digest(contents.of(root), contents.of(pairs))
    for name in ("lfw", "lfw_occ"):
        yield Protocol(name, (f"--protocol={name}", f"--root={root}", f"--pairs={pairs}"), files)


def _ar(root: str, contents: Contents) -> Iterator[Protocol]:
    ar_faces(root)
    yield Protocol("ar", ("--protocol=ar", f"--ar={root}"), contents.of(root))

"""Which files of a folder are the lists of an IJB protocol, and what they say together."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from datamodules.errors import DataError
from datamodules.protocols.template_files import read_template_subjects

MEDIA, PAIRS, GALLERY, PROBES = "face_tid_mid.txt", "template_pair_label.txt", "1N_gallery_*.csv", "1N_probe_mixed.csv"
Subjects = Mapping[int, tuple[int, int]]
"""Subject, and the line that names it, by template."""


class IJBLists(NamedTuple):
    """The lists of a folder; there are pairs, or galleries and probes, or both."""

    media: Path
    pairs: Path | None
    galleries: tuple[Path, ...]
    probes: Path | None

    @property
    def name(self) -> str:
        """What their names begin with."""
        return self.media.name.removesuffix(MEDIA).rstrip("_") or self.media.parent.name

    def subjects(self) -> dict[Path, Subjects]:
        """Read galleries and probes.

        Raises:
            DataError: With the line, if one is malformed, or two say different subjects of a template.
        """
        read = {path: read_template_subjects(path) for path in (*self.galleries, self.probes) if path is not None}
        first: dict[int, tuple[int, Path, int]] = {}
        for path, subjects in read.items():
            for template, (subject, line) in subjects.items():
                known, where, before = first.setdefault(template, (subject, path, line))
                if known != subject:
                    raise DataError(
                        f"{path}: line {line}: expected one subject of template {template}, got {subject}, "
                        f"and {known} in {where.name}, line {before}"
                    )
        return {**read}


def ijb_lists(meta: Path) -> IJBLists:
    """Return the lists of a folder.

    Raises:
        DataError: If one is missing, or several could be meant.
    """
    media, pairs, probes = (_one(meta, name) for name in (MEDIA, PAIRS, PROBES))
    galleries = tuple(sorted(meta.glob(f"*{GALLERY}")))
    if media is None or bool(galleries) != bool(probes) or not (pairs or galleries):
        there = ", ".join(sorted(path.name for path in meta.glob("*.*"))[:10]) or "none"
        needed = f"*{MEDIA} and *{PAIRS}, or *{GALLERY} and *{PROBES}, or both"
        raise DataError(f"{meta}: expected {needed}, got {there}")
    return IJBLists(media, pairs, galleries, probes)


def _one(meta: Path, name: str) -> Path | None:
    found = sorted(meta.glob(f"*{name}"))
    if len(found) > 1:
        raise DataError(f"{meta}: expected one *{name}, got {', '.join(path.name for path in found)}")
    return found[0] if found else None

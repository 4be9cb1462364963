"""Images at any depth of a folder, also where links make it endless."""

import os
from collections.abc import Sequence
from pathlib import Path

from datamodules.errors import DataError


def files_below(root: Path, endings: Sequence[str]) -> list[str]:
    """Paths below a folder that end so, in upper or lower case, sorted by their bytes.

    Links are followed, but not into a folder that is above them. Hidden files and folders are passed over.

    Raises:
        DataError: If it is no readable folder.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: expected a folder of images, got {error.strerror}")

    found: list[str] = []
    for folder, folders, files in os.walk(root, followlinks=True, onerror=refuse):
        here = Path(folder)
        folders[:] = [name for name in folders if not name.startswith(".") and not _is_loop(here / name, root)]
        below = here.relative_to(root).as_posix()
        prefix = "" if below == "." else f"{below}/"  # a path each would cost most of the time
        names = (name for name in files if not name.startswith(".") and name.lower().endswith(tuple(endings)))
        found.extend(f"{prefix}{name}" for name in names)
    return sorted(found, key=os.fsencode)


def _is_loop(folder: Path, root: Path) -> bool:
    """Whether a link leads to a folder on the way to it, or above the root."""
    if not folder.is_symlink():
        return False
    target = folder.resolve()
    if root.resolve().is_relative_to(target):
        return True
    return any(above.resolve() == target for above in folder.parents if above.is_relative_to(root))

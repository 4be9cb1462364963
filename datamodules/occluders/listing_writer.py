"""Writes ``occluders.yaml``, in the form that people correct by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from datamodules.occluders.own_images import LISTING, OwnImage
from datamodules.whole_file import write_whole

_HEADING = (
    "# Anchors are pixels (x, y) of each image, from its upper left corner; left and right as seen.\n"
    "# They were derived: look at the sheet, correct what does not sit, and look again.\n"
)


def write_listing(folder: Path, entries: Sequence[OwnImage]) -> Path:
    """Write a folder's listing, whole or not at all, and return its path.

    What is as it is by default, a similarity, a training image, a whole opacity, is not written.

    Args:
        folder: Folder that all images are in or below.
        entries: What is listed, in this order.

    Raises:
        OSError: If it cannot be written.
    """
    listed = {"occluders": [listed_item(folder, entry) for entry in entries]}
    text = yaml.safe_dump(listed, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)
    write_whole(folder / LISTING, _HEADING + text)
    return folder / LISTING


def listed_item(folder: Path, entry: OwnImage) -> dict[str, Any]:
    """Return an entry as a listing has it."""
    plain = OwnImage(entry.path, entry.category, entry.anchors)
    changed = {
        name: getattr(entry, name)
        for name in ("fit", "split", "opacity")
        if getattr(entry, name) != getattr(plain, name)
    }
    anchors = {name: [x, y] for name, (x, y) in entry.anchors.items()}
    return {
        "file": entry.path.relative_to(folder).as_posix(),
        "category": entry.category,
        "anchors": anchors,
        **changed,
    }

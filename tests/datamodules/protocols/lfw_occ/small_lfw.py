"""A small LFW of square crops, in whose pairs two images are right ones twice."""

from pathlib import Path

from tests.datamodules.protocols.lfw_files import write_lines
from tests.helpers.faces_on_disk import write_image_folder

LINES = ["2", "Ann\t1\t2", "Ann\t3\t2", "Ann\t1\tBea\t1", "Ann\t2\tBea\t1"]
RIGHT = ["Ann/Ann_0002.png", "Ann/Ann_0002.png", "Bea/Bea_0001.png", "Bea/Bea_0001.png"]


def write_small_lfw(folder: Path) -> tuple[Path, Path]:
    """Write images and pairs; return both paths."""
    root = write_image_folder(folder / "lfw", {"Ann": 3, "Bea": 1}, size=(64, 64), extension="png")
    return root, write_lines(folder, LINES)

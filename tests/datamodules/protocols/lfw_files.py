"""LFW on disk: pairs files of any size and images for them."""

from collections.abc import Sequence
from pathlib import Path

from tests.helpers.faces_on_disk import write_image_folder


def pair_lines(*, folds: int, half: int) -> list[str]:
    """``half`` matching and ``half`` mismatching pairs for each fold; folds share nobody."""
    lines = []
    for fold in range(folds):
        lines += [f"P{fold}a\t{number}\t{number + 1}" for number in range(1, half + 1)]
        lines += [f"P{fold}a\t{number}\tP{fold}b\t{number}" for number in range(1, half + 1)]
    return lines


def write_lines(folder: Path, lines: Sequence[str]) -> Path:
    path = folder / "pairs.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_images(root: Path, *, folds: int, half: int, extension: str = "png") -> Path:
    """Write the images that ``pair_lines`` names, and two that it does not."""
    counts = {f"P{fold}{letter}": half + 1 for fold in range(folds) for letter in "ab"}
    return write_image_folder(root, {**counts, "Zoe": 2}, size=(8, 8), extension=extension)

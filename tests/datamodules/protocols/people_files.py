"""Sets of people with and without masks on disk, in their own layouts, with tiny generated faces."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from tests.helpers.faces_on_disk import write_image_folder

PEOPLE = 53


def mfr2_counts() -> dict[str, int]:
    """As many people and images as are published: 53 and 269."""
    return {f"Per_Son{number:02d}": 5 + (number < 4) for number in range(PEOPLE)}


def mfr2_labels() -> list[str]:
    """Every second image is masked."""
    return [
        f"{name}, {number}, {'no-mask' if number % 2 else 'surgical_blue'}"
        for name, count in mfr2_counts().items()
        for number in range(1, count + 1)
    ]


def mfr2_pairs() -> list[str]:
    """As many pairs as are published, 848: half of them genuine."""
    names = list(mfr2_counts())
    genuine = [f"{name} {one} {two}" for name in names for one, two in combinations(range(1, 6), 2)][:424]
    impostor = [
        f"{name} {one} {names[(place + turn) % PEOPLE]} {two}"
        for turn, (one, two) in enumerate([(1, 1), (1, 2), (2, 2), (2, 1), (3, 4), (4, 4), (3, 3), (4, 3)], start=1)
        for place, name in enumerate(names)
    ]
    return genuine + impostor[:424]


def write_mfr2(
    root: Path, *, labels: Sequence[str] | None = None, pairs: Sequence[str] | None = None, images: bool = True
) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    if images:
        write_image_folder(root, mfr2_counts(), size=(8, 8), extension="png")
    (root / "mfr2_labels.txt").write_text("\n".join(mfr2_labels() if labels is None else labels) + "\n")
    (root / "pairs.txt").write_text("\n".join(mfr2_pairs() if pairs is None else pairs) + "\n")
    return root

"""Sets of people with and without masks on disk, in their own layouts, with tiny generated faces."""

import pickle
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from tests.helpers.faces_on_disk import encode, pseudo_face, write_image_folder

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


def write_worn(root: Path, counts: Mapping[str, Mapping[str, int]]) -> Path:
    """Write ``root/<folder>/<person>/000001.jpg`` and so on, a different picture each."""
    for folder, people in counts.items():
        for place, (person, number) in enumerate(people.items()):
            (root / folder / person).mkdir(parents=True, exist_ok=True)
            for shot in range(1, number + 1):
                image = encode(pseudo_face(place, shot + 50 * len(folder), size=(16, 16)), "jpg")
                (root / folder / person / f"{shot:06d}.jpg").write_bytes(image)
    return root


def write_rof_pickles(root: Path, counts: Mapping[str, Mapping[str, int]], *, protocol: int = 4) -> Path:
    """Write ``root/<folder>/<person>.pkl`` as a detector's rows: two faces a photograph, numpy's numbers among them."""
    for folder, people in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for person, number in people.items():
            face = {"box": [10, np.int64(20), 30, 40], "confidence": np.float64(0.98), "keypoints": {"nose": (7, 8)}}
            faces = [face] * number
            photographs = {
                f"{start:06d}": {"url": f"https://example.org/{start}.jpg", "faces": faces[start : start + 2]}
                for start in range(0, number, 2)
            }
            (root / folder / f"{person}.pkl").write_bytes(pickle.dumps(photographs, protocol=protocol))
    return root

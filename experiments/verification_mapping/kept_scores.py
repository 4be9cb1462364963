"""Scores of pairs that are kept while others are computed: what is interrupted goes on where it was."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.whole_file import whole_file

SCORES = "pair_scores.npz"


class KeptScores:
    """A file of scores, in parts; those of another model or another occluder are not taken.

    Args:
        folder: Where it is.
        key: Stands for all that scores depend on, but the images, for which a part's name stands.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.path = folder / SCORES
        self.key = key
        self._parts: dict[str, dict[str, Tensor]] = {}
        for name, values in _read(self.path, key).items():
            part, _, kind = name.partition(" ")
            self._parts.setdefault(part, {})[kind] = torch.from_numpy(values)

    def __contains__(self, part: str) -> bool:
        """Whether a part is there."""
        return part in self._parts

    def add(self, part: str, scores: Mapping[str, Tensor]) -> None:
        """Keep a part."""
        self._parts[part] = dict(scores)
        arrays: dict[str, Any] = {
            f"{name} {kind}": values.numpy() for name, kept in self._parts.items() for kind, values in kept.items()
        }
        with whole_file(self.path) as file:
            np.savez(file, key=np.array(self.key), **arrays)

    def joined(self, kind: str, parts: Sequence[str]) -> Tensor:
        """Return the scores of all pairs of some parts, ``(N, …)``, in their order."""
        return torch.cat([self._parts[part][kind] for part in parts])


def _read(path: Path, key: str) -> dict[str, NDArray[Any]]:
    """Return a file's arrays; nothing of a file that is damaged, or of something else."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["key"]) != key:
                return {}
            return {name: file[name] for name in file.files if name != "key"}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return {}

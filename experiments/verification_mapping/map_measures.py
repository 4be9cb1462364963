"""What is said of verification maps: their means, where they are highest, which part of the face, with intervals."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from callbacks.metrics.identity_bootstrap import identity_weights, percentile_interval
from callbacks.occlusion_sensitivity.centres import interpolate
from callbacks.occlusion_sensitivity.verification_maps import VerificationMaps, rejection_map
from experiments.verification_mapping.chosen_pairs import ChosenPairs


class MeanMap(NamedTuple):
    """A mean over pairs at the centres, and what identities drawn anew make of it."""

    mean: Tensor
    """``(h, w)``."""
    replicates: Tensor
    """``(R, h, w)``; NaN where none of the pairs was drawn."""
    used: Tensor
    """``(N,)`` bool: the pairs that it is of."""

    @property
    def standard_error(self) -> Tensor:
        """``(h, w)``: deviation of the replicates."""
        return self.replicates[~self.replicates.isnan().flatten(1).any(1)].std(0, unbiased=False)


def mean_drop(maps: VerificationMaps, weights: Tensor) -> MeanMap:
    """Return the mean of how much scores fall."""
    return _mean(maps.drops, torch.ones_like(maps.clean, dtype=torch.bool), weights)


def mean_rejection(maps: VerificationMaps, threshold: float, weights: Tensor) -> MeanMap:
    """Return the share of pairs that are rejected, of those that are accepted without an occluder.

    Raises:
        ValueError: If there are none.
    """
    used = rejection_map(maps, threshold).used
    return _mean(maps.rejected(threshold).float(), used, weights)


def drawn_weights(pairs: ChosenPairs, *, replicates: int, seed: int) -> Tensor:
    """Return how often each pair is in data sets of identities drawn anew, ``(R, N)``."""
    return torch.cat(list(identity_weights(pairs.identity, pairs.identity, replicates=replicates, seed=seed)))


def map_measures(found: MeanMap, maps: VerificationMaps, parts: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Return the measures of a mean map; of one that is the same everywhere its mean alone.

    Args:
        found: The map.
        maps: What it was made of, for its centres.
        parts: Row and column of parts of the face, by name.
    """
    measures: dict[str, Any] = {
        "pairs": int(found.used.sum()),
        "mean": float(found.mean.mean()),
        "mean_interval": percentile_interval(found.replicates.mean((1, 2))),
    }
    if found.mean.max() == found.mean.min():
        return measures
    measures["peak"] = _peak(found, maps)
    at = {name: _at(found, maps, place) for name, place in parts.items()}
    measures["parts"] = {
        name: {"row": row, "column": column, "value": float(at[name][0]), "interval": percentile_interval(at[name][1])}
        for name, (row, column) in parts.items()
    }
    measures["most_important"] = _most_important(at)
    return measures


def _mean(values: Tensor, used: Tensor, weights: Tensor) -> MeanMap:
    flat = values.flatten(1).double()  # (N, h · w)
    counted = weights * used  # (R, N)
    total = counted.sum(1, keepdim=True)
    replicates = (counted @ flat / total.masked_fill(total == 0, torch.nan)).view(-1, *values.shape[1:])
    return MeanMap(values[used].double().mean(0), replicates, used)


def _peak(found: MeanMap, maps: VerificationMaps) -> dict[str, Any]:
    """Return where a map is highest, and between which rows and columns it is in the middle 95 % of replicates."""

    def place(index: Tensor) -> tuple[Tensor, Tensor]:
        row, column = index // found.mean.shape[1], index % found.mean.shape[1]
        return maps.rows[row].double(), maps.columns[column].double()

    row, column = place(found.mean.argmax())
    kept = found.replicates[~found.replicates.isnan().flatten(1).any(1)]
    rows, columns = place(kept.flatten(1).argmax(1))
    value = found.mean.max()
    return {
        "row": int(row),
        "column": int(column),
        "value": float(value),
        "interval": percentile_interval(kept.flatten(1)[:, int(found.mean.argmax())]),
        "rows": percentile_interval(rows),
        "columns": percentile_interval(columns),
    }


def _at(found: MeanMap, maps: VerificationMaps, place: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Return a map's value and its replicates', ``()`` and ``(R,)``, at the pixel nearest to a place."""
    size = (int(maps.rows[-1]) + 1, int(maps.columns[-1]) + 1)
    row, column = (min(max(0, round(at)), length - 1) for at, length in zip(place, size, strict=True))
    every = torch.cat([found.mean[None], found.replicates])
    # a pixel's value is linear in those at the centres
    weights = _weights(maps, size, row, column).double()
    values = every.flatten(1) @ weights
    return values[0], values[1:]


def _weights(maps: VerificationMaps, size: tuple[int, int], row: int, column: int) -> Tensor:
    """Return the weight of each centre at a pixel, ``(h · w,)``."""
    down = interpolate(torch.eye(len(maps.rows)), maps.rows, torch.arange(len(maps.rows)), (size[0], len(maps.rows)))
    across = interpolate(
        torch.eye(len(maps.columns)), maps.columns, torch.arange(len(maps.columns)), (size[1], len(maps.columns))
    )
    return torch.outer(down[row], across[column]).flatten()


def _most_important(at: Mapping[str, tuple[Tensor, Tensor]]) -> dict[str, Any]:
    """Return the part where the map is highest, how often it is so, and by how much it is above the next."""
    names = sorted(at, key=lambda name: -float(at[name][0]))
    every = torch.stack([at[name][1] for name in names], 1)  # (R, parts)
    every = every[~every.isnan().any(1)]
    ahead = every[:, 0] - every[:, 1]
    return {
        "part": names[0],
        "share_of_replicates": float((every.argmax(1) == 0).double().mean()),
        "next": names[1],
        "ahead": float(at[names[0]][0] - at[names[1]][0]),
        "ahead_interval": percentile_interval(ahead),
    }

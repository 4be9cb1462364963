"""Deletion and insertion of the first image of each pair, by verification maps and by what they are compared with."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, get_args

import torch
from rich.progress import track
from torch import Tensor
from torch.nn.functional import interpolate

from callbacks.metrics.directions import directions
from callbacks.metrics.identity_bootstrap import percentile_interval
from callbacks.occlusion_sensitivity.deletion_insertion import Curve, Kind, perturbation_curve, random_importance
from callbacks.occlusion_sensitivity.verification_maps import VerificationMaps, whole_map
from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.verification_mapping.chosen_pairs import ChosenPairs
from experiments.verification_mapping.mapped_pairs import FaceMapper

OWN, MEAN, CLASSIFIER, RANDOM = "own map", "mean map", "classifier's map", "random"


class Orders(NamedTuple):
    """Importance of pixels, by whose it is: ``(N, H, W)``, or ``(H, W)`` for all pairs."""

    importance: Mapping[str, Tensor]

    def of(self, start: int, stop: int) -> Iterator[tuple[str, Tensor]]:
        """Yield those of some pairs."""
        for name, maps in self.importance.items():
            yield name, maps if maps.ndim == 2 else maps[start:stop]


def orders(
    maps: VerificationMaps, size: tuple[int, int], grain: tuple[int, int], *, seed: int, classifier: OcclusionMap | None
) -> Orders:
    """Return what pixels are deleted and inserted by: each pair's own map, their mean, a classifier's, a random one.

    Args:
        maps: Of pairs of which the first image is covered.
        size: H and W.
        grain: Height and width of what random maps vary by.
        seed: Of those.
        classifier: A classifier's map; one of another size is stretched.
    """
    own = torch.stack([whole_map(drop, maps, size) for drop in maps.drops])
    found = {OWN: own, MEAN: whole_map(maps.drops.mean(0), maps, size)}
    if classifier is not None:
        error = torch.from_numpy(classifier.error)
        found[CLASSIFIER] = interpolate(error[None, None], size=size, mode="bilinear")[0, 0]
    found[RANDOM] = random_importance(len(own), size, grain, seed)
    return Orders(found)


def curves(mapper: FaceMapper, pairs: ChosenPairs, by: Orders, *, steps: int) -> dict[str, dict[Kind, Curve]]:
    """Return the curves of all pairs, by whose order and of which kind."""
    found: dict[str, dict[Kind, list[Curve]]] = {name: {kind: [] for kind in get_args(Kind)} for name in by.importance}
    for start in track(range(len(pairs.first)), "Deletion and insertion", transient=True):
        images = mapper.images(pairs.first[start : start + 1])
        other = mapper.embed.clean(mapper.images(pairs.second[start : start + 1]))
        score = partial(_scores, mapper, other)
        for name, importance in by.of(start, start + 1):
            for kind in found[name]:
                by_map = importance.to(images.device)
                curve = perturbation_curve(score, images, by_map, kind=kind, fill=mapper.fill, steps=steps)
                found[name][kind].append(curve)
    return {name: {kind: _joined(parts) for kind, parts in kinds.items()} for name, kinds in found.items()}


def curve_measures(found: Mapping[str, Mapping[Kind, Curve]], weights: Tensor) -> dict[str, Any]:
    """Return mean areas under the curves with intervals, by order and kind, and how far each is from random's.

    Args:
        found: From :func:`curves`.
        weights: How often each pair is in data sets of identities drawn anew, ``(R, N)``.
    """
    measures: dict[str, Any] = {}
    for name, kinds in found.items():
        measures[name] = {}
        for kind, curve in kinds.items():
            area, of_random = curve.area.double(), found[RANDOM][kind].area.double()
            measures[name][kind] = {
                "area": float(area.mean()),
                "interval": _interval(area, weights),
                "scores": curve.scores.double().mean(0).tolist(),
            }
            if name != RANDOM:
                less = area - of_random
                measures[name][kind] |= {
                    "beyond_random": float(less.mean()),
                    "beyond_interval": _interval(less, weights),
                }
    return measures


def _interval(values: Tensor, weights: Tensor) -> tuple[float, float]:
    return percentile_interval(weights @ values / weights.sum(1))


def _scores(mapper: FaceMapper, other: Tensor, images: Tensor) -> Tensor:
    """Return the similarities of images to one other face, whatever is left of them."""
    with torch.no_grad():
        return (directions(mapper.network(images)) * other).sum(1).cpu()


def _joined(parts: list[Curve]) -> Curve:
    return Curve(parts[0].shares.cpu(), torch.cat([part.scores for part in parts]).cpu())

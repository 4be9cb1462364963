"""A classifier of edges, cross-validated: how often does it tell two sets of occluders apart?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from callbacks.metrics.identity_bootstrap import percentile_interval, weighted_rates
from datamodules.errors import DataError

FOLDS = 5
FEWEST = 10
"""Images of a set that can be told from another."""
REPLICATES = 200
_RIDGE = 0.3
"""Of standardised features, as a share of the number of images."""


class Told(NamedTuple):
    """How well two sets were told apart, by images that the classifier was not trained on."""

    auc: float
    auc_interval: tuple[float, float]
    accuracy: float
    """Mean of the shares of both sets that are recognised: 0.5 is chance, whatever their sizes."""
    accuracy_interval: tuple[float, float]
    images: tuple[int, int]


class Labelled(NamedTuple):
    """Images of two sets."""

    features: NDArray[np.float32]
    """``(N, F)``"""
    is_second: NDArray[np.bool_]
    """``(N,)``"""
    photograph: NDArray[np.int64]
    """Of each image, ``(N,)`` from 0: the same in both sets where they share one."""


def tell_apart(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    names: Sequence[str],
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Told:
    """Train a linear classifier, a ridge regression, on four fifths of the photographs, try it on the others, in turn.

    Images of one name, the same photograph in both sets, are in one fold. Intervals are 95 % percentile intervals over
    photographs drawn anew, each with folds and classifiers of its own: one that stays as it is would tell nothing of
    what it was trained on, and its interval be far too narrow.

    Args:
        first: Features of one set, ``(N, F)``.
        second: Of the other, ``(M, F)``.
        names: Of all images, N of the first and M of the second set.
        seed: Of folds and draws.
        replicates: How often photographs are drawn anew.

    Raises:
        DataError: If a set has fewer than 10 images.
    """
    if min(len(first), len(second)) < FEWEST:
        found = f"{len(first)} and {len(second)}"
        raise DataError(f"Expected at least {FEWEST} images with an edge in each set, got {found}")
    is_second = np.arange(len(first) + len(second)) >= len(first)
    photograph = np.unique(list(names), return_inverse=True)[1]
    images = Labelled(np.concatenate([first, second]), is_second, photograph)
    random, number = np.random.default_rng(seed), int(photograph.max()) + 1
    auc, accuracy = _measured(images, np.ones(len(names)), random)
    drawn = _drawn(images, number, replicates, random)
    measured = torch.tensor([_measured(images, times[photograph], random) for times in drawn])
    intervals = [percentile_interval(values) for values in measured.double().T]
    return Told(auc, intervals[0], accuracy, intervals[1], (len(first), len(second)))


def halves(features: NDArray[np.float32], names: Sequence[str], *, seed: int = 0, replicates: int = REPLICATES) -> Told:
    """Return how well two random halves of one set are told apart: chance, unless the procedure is wrong."""
    order = np.random.default_rng(seed).permutation(len(features))
    half = len(order) // 2
    shuffled = [names[place] for place in order]
    return tell_apart(features[order[:half]], features[order[half:]], shuffled, seed=seed, replicates=replicates)


def _measured(images: Labelled, times: NDArray[np.number], random: np.random.Generator) -> tuple[float, float]:
    """Return AUC and accuracy where each image counts as often as ``times`` says."""
    fold = _folds(images, random)
    scores = np.zeros(len(fold))
    for number in range(FOLDS):
        test = fold == number
        scores[test] = _decided(images, np.where(test, 0, times), test)
    rates = weighted_rates(
        torch.from_numpy(scores), torch.from_numpy(images.is_second), torch.tensor(times)[None].double(), threshold=0.0
    )
    return float(rates["auc"]), 1 - float(rates["far"] + rates["frr"]) / 2


def _drawn(images: Labelled, number: int, replicates: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return how often each photograph is in sets drawn anew, ``(R, number)``; drawn again where a set has none."""
    shares = np.full(number, 1 / number)
    drawn = random.multinomial(number, shares, replicates)
    for times in drawn:
        while not all(times[images.photograph[images.is_second == which]].any() for which in (False, True)):
            times[:] = random.multinomial(number, shares)
    return drawn


def _folds(images: Labelled, random: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold of each image; photographs of one set, of the other and of both are spread evenly."""
    number = int(images.photograph.max()) + 1
    sets = np.zeros(number, np.int64)
    for which, chosen in enumerate((~images.is_second, images.is_second)):
        sets[np.unique(images.photograph[chosen])] += which + 1
    order = np.argsort(sets + random.random(number))
    fold = np.empty(number, np.int64)
    fold[order] = np.arange(number) % FOLDS
    return fold[images.photograph]


def _decided(images: Labelled, times: NDArray[np.number], test: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Train on images as often as they count, with both sets weighing alike, and return the scores of others."""
    from sklearn.linear_model import Ridge  # noqa: PLC0415  takes a second: pay only when used
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    second = images.is_second
    if not (times[second].any() and times[~second].any()):
        return np.zeros(int(test.sum()))  # of one set alone nothing is learnt
    weight = times * np.where(second, 0.5 / times[second].sum(), 0.5 / times[~second].sum())
    used = weight > 0
    scaler = StandardScaler().fit(images.features[used])
    model = Ridge(alpha=_RIDGE).fit(
        scaler.transform(images.features[used]), np.where(second, 1.0, -1.0)[used], sample_weight=weight[used]
    )
    return np.asarray(model.predict(scaler.transform(images.features[test])), np.float64)

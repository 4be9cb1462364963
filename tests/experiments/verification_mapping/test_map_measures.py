"""What is said of maps: means, places and intervals, against loops over pairs and replicates."""

import numpy as np
import pytest
import torch
from torch import Tensor

from callbacks.metrics.identity_bootstrap import percentile_interval
from callbacks.occlusion_sensitivity.verification_maps import VerificationMaps, whole_map
from experiments.verification_mapping.chosen_pairs import ChosenPairs
from experiments.verification_mapping.map_measures import drawn_weights, map_measures, mean_drop, mean_rejection

ROWS, COLUMNS = torch.tensor([0, 4, 8, 11]), torch.tensor([0, 4, 8])


def maps(number: int = 6) -> VerificationMaps:
    generator = torch.Generator().manual_seed(0)
    clean = 0.5 + torch.rand(number, generator=generator) / 2
    return VerificationMaps(clean[:, None, None] - torch.rand(number, 4, 3, generator=generator), clean, ROWS, COLUMNS)


def pairs(identities: list[int]) -> ChosenPairs:
    index = np.arange(len(identities))
    return ChosenPairs(index, index + len(index), np.array(identities), "all")


def replicate_means(values: Tensor, weights: Tensor) -> list[Tensor]:
    """Return the weighted mean of ``(N, h, w)`` values in each replicate, a pair at a time."""
    means = []
    for row in weights:
        repeated = [value for value, often in zip(values, row.tolist(), strict=True) for _ in range(round(often))]
        means.append(torch.stack(repeated).mean(0) if repeated else torch.full(values.shape[1:], torch.nan))
    return means


def test_means_are_those_of_the_pairs_and_of_identities_drawn_anew() -> None:
    made, weights = maps(), drawn_weights(pairs([3, 3, 5, 5, 5, 9]), replicates=30, seed=1)
    assert torch.equal(weights[:, 0], weights[:, 1])  # pairs of one identity come together
    found = mean_drop(made, weights)
    torch.testing.assert_close(found.mean, made.drops.double().mean(0))
    for ours, expected in zip(found.replicates, replicate_means(made.drops.double(), weights), strict=True):
        torch.testing.assert_close(ours, expected)


def test_rejection_is_of_pairs_that_are_accepted_without_an_occluder() -> None:
    made, weights = maps(), drawn_weights(pairs([0, 1, 2, 3, 4, 5]), replicates=30, seed=1)
    threshold = float(made.clean.sort().values[2])
    found = mean_rejection(made, threshold, weights)
    used = made.clean >= threshold
    assert int(found.used.sum()) == 4
    rejected = (made.scores[used] < threshold).double()
    torch.testing.assert_close(found.mean, rejected.mean(0))
    for ours, expected in zip(found.replicates, replicate_means(rejected, weights[:, used]), strict=True):
        torch.testing.assert_close(ours, expected, equal_nan=True)
    assert found.standard_error.isfinite().all()


def test_places_are_found_between_the_centres_and_the_highest_with_its_interval() -> None:
    made, weights = maps(), drawn_weights(pairs([0, 1, 2, 3, 4, 5]), replicates=200, seed=2)
    found = mean_drop(made, weights)
    parts = {"chin": (10.0, 2.0), "nose": (5.0, 6.0), "ear": (99.0, -4.0)}
    measures = map_measures(found, made, parts)
    whole = whole_map(found.mean, made, (12, 9))
    expected = {"chin": whole[10, 2], "nose": whole[5, 6], "ear": whole[11, 0]}  # an ear outside is at the border
    for name, value in expected.items():
        assert measures["parts"][name]["value"] == pytest.approx(float(value), abs=1e-6)
    best = max(expected, key=lambda name: float(expected[name]))
    assert measures["most_important"]["part"] == best
    each = torch.stack([whole_map(one, made, (12, 9)) for one in found.replicates])
    nose = percentile_interval(each[:, 5, 6].double())
    assert measures["parts"]["nose"]["interval"] == pytest.approx(nose, abs=1e-5)
    place = divmod(int(found.mean.argmax()), 3)
    peak = measures["peak"]
    assert (peak["row"], peak["column"]) == (int(ROWS[place[0]]), int(COLUMNS[place[1]]))
    assert peak["value"] == pytest.approx(float(found.mean.max()))
    assert peak["rows"][0] <= peak["row"] <= peak["rows"][1]


def test_of_a_map_that_is_the_same_everywhere_no_place_is_told() -> None:
    made = maps()._replace(scores=maps().clean[:, None, None].expand(6, 4, 3))
    found = map_measures(mean_drop(made, drawn_weights(pairs([0] * 6), replicates=5, seed=0)), made, {"nose": (5, 5)})
    assert set(found) == {"pairs", "mean", "mean_interval"}
    assert found["mean"] == 0

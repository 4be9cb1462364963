"""Error versus discard of protocols: which pairs, which threshold, which quality."""

from typing import Any

import numpy as np
import pytest
import torch

from callbacks.recognition.recognise import Recognition, recognise
from datamodules.protocols import EvaluationProtocol
from datamodules.seams.evaluation_protocol import VerificationPairs
from experiments.evaluation.quality.discard_curves import DISCARDED, TOGETHER, discard_curves

PEOPLE = 20


class Faces:
    """Two images of each of some people, and the second once more, covered."""

    identities = np.tile(np.arange(PEOPLE), 3)


def protocol() -> EvaluationProtocol:
    people = np.arange(PEOPLE)
    other = np.roll(people, 1)

    def pairs(shift: int) -> VerificationPairs:
        second = np.concatenate([people, other]) + shift
        same = np.arange(2 * PEOPLE) < PEOPLE
        return VerificationPairs(np.tile(people, 2), second, same, np.zeros(2 * PEOPLE, np.int64))

    faces: Any = Faces()
    return EvaluationProtocol("mine", faces, {"all": pairs(PEOPLE), "scarf": pairs(2 * PEOPLE)}, {})


def recognised(one: EvaluationProtocol, noise: torch.Tensor) -> Recognition:
    """Compare faces of which some have an embedding that is far from their own."""
    generator = torch.Generator().manual_seed(0)
    own = torch.randn(PEOPLE, 16, generator=generator)[torch.from_numpy(one.identities)]
    embeddings = own + noise[:, None] * torch.randn(len(own), 16, generator=generator)
    return recognise(one.verification, {}, embeddings, torch.from_numpy(one.identities))


def test_what_tells_bad_images_wins_all_and_its_opposite_loses() -> None:
    one = protocol()
    noise = torch.full((3 * PEOPLE,), 0.05)
    noise[[22, 25, 41, 44, 48]] = 4.0
    bad = torch.where(torch.arange(3 * PEOPLE) < PEOPLE, 9.0, noise)  # that of the second image, whatever the first
    found = discard_curves(one, recognised(one, noise), {"good": -noise, "bad": bad}, first_error=0.1)
    assert list(found) == ["all", "scarf", TOGETHER]
    assert found[TOGETHER].gains["good"][0] > 0.9
    assert found[TOGETHER].gains["bad"][0] < 0
    assert all(float(curve.rates["good"][0]) == pytest.approx(0.1) for curve in found.values())
    assert len(found["all"].rates["good"]) == len(DISCARDED)


def test_a_pair_is_as_good_as_its_worse_image() -> None:
    one = protocol()
    noise = torch.full((3 * PEOPLE,), 0.05)
    noise[[2, 5]] = 4.0  # enrolled images
    found = discard_curves(one, recognised(one, noise), {"good": -noise}, first_error=0.1)
    assert found["scarf"].gains["good"][0] > 0.9


def test_pairs_of_several_conditions_count_once() -> None:
    one = protocol()
    twice = EvaluationProtocol("mine", one.source, {**one.verification, "again": one.verification["all"]}, {})
    noise = torch.linspace(0.1, 2, 3 * PEOPLE)
    once, again = (
        discard_curves(p, recognised(p, noise), {"good": -noise}, first_error=0.2)[TOGETHER].rates["good"]
        for p in (one, twice)
    )
    torch.testing.assert_close(once, again)


def test_a_condition_without_a_rejected_pair_has_no_curve() -> None:
    one = protocol()
    assert discard_curves(one, recognised(one, torch.zeros(3 * PEOPLE)), {"q": torch.ones(60)}, first_error=0.01) == {}


def test_all_but_the_best_pair_are_rejected_at_most() -> None:
    one = protocol()
    noise = torch.linspace(0.1, 2, 3 * PEOPLE)
    found = discard_curves(one, recognised(one, noise), {"good": -noise}, first_error=0.99)
    assert float(found["all"].rates["good"][0]) == pytest.approx(1 - 1 / PEOPLE)

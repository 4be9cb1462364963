"""Thresholds are those of a protocol's pairs, measured once for a model and kept."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from callbacks.recognition.matched_comparison import matched_scores
from datamodules.protocols.generated_protocol import generated_protocol
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from experiments.demo_page.decision_keeper import DecisionKeeper
from experiments.demo_page.decision_points import decisions
from experiments.demo_page.pair_comparison import MATCHING, hard, occluders_of
from experiments.demo_page.protocol_scores import PairScores, chosen
from tests.helpers.demo_models import SIDE, Quarters, face_model

Protocol = EvaluationProtocol


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    """Return the least generated protocol."""
    return generated_protocol(20, 2, cache_dir=None)


def said(share: float, what: str) -> None:
    """Say nothing."""


def test_of_impostors_no_more_than_the_rate_reach_a_threshold_and_frr_counts_the_genuine_below() -> None:
    scores = torch.from_numpy(np.random.default_rng(0).permutation(np.linspace(-1, 1, 2000)))
    same = np.arange(2000) % 2 == 0
    for point in decisions("toy", "pairs", scores, same).points:
        assert (scores[torch.from_numpy(~same)] >= point.threshold).double().mean() <= point.far
        assert point.frr == pytest.approx(float((scores[torch.from_numpy(same)] < point.threshold).double().mean()))


def test_a_rate_that_there_are_too_few_impostors_for_has_no_threshold() -> None:
    found = decisions("toy", "pairs", torch.linspace(0, 1, 40), np.arange(40) % 2 == 0)
    assert [point.far for point in found.points] == [0.1]
    assert found.at(0.001) is None


def test_scores_of_pairs_are_those_of_each_pair_alone(protocol: Protocol) -> None:
    model = face_model()
    pairs = protocol.verification["sunglasses"]
    scores = PairScores(protocol, model, model, said)
    plain, matched = scores.plain(pairs, ""), scores.matched(pairs, "")
    resized = PairScores(protocol, model, model, said)._faces
    for row in range(0, len(pairs), 7):
        one, other = (resized([int(side[row])], SIDE) for side in (pairs.first, pairs.second))
        masks = [hard(found) for face in (one, other) if (found := occluders_of(model, face)) is not None]
        expected = matched_scores(model.embed, one, other, masks[0], masks[1], MATCHING)
        assert float(matched[row]) == pytest.approx(float(expected), abs=1e-5)
        alone = torch.nn.functional.cosine_similarity(model.embed(one), model.embed(other))
        assert float(plain[row]) == pytest.approx(float(alone), abs=1e-5)


def test_what_was_measured_is_kept_for_the_same_model_and_measured_for_another(
    protocol: Protocol, tmp_path: Path
) -> None:
    built: list[int] = []

    def build() -> Protocol:
        built.append(1)
        return protocol

    keeper = DecisionKeeper(build, "generated", tmp_path)
    model, other = face_model(), face_model(Quarters())
    assert keeper.kept(model, model) is None
    first = keeper.measured(model, model, said)
    assert keeper.measured(model, model, said) == first == keeper.kept(face_model(), face_model())
    assert len(built) == 1
    assert keeper.measured(other, None, said).matched is None
    assert len(built) == 2


def test_chosen_pairs_are_as_many_of_each_kind_the_same_ones_every_time(protocol: Protocol) -> None:
    one, again = (chosen(protocol.verification["all"], 10) for _ in range(2))
    assert one.same.sum() == 5
    assert one.first.tolist() == again.first.tolist()


def test_a_broken_file_of_thresholds_is_measured_anew(protocol: Protocol, tmp_path: Path) -> None:
    keeper, model = DecisionKeeper(lambda: protocol, "generated", tmp_path), face_model(Quarters())
    keeper.measured(model, None, said)
    (kept,) = tmp_path.glob("*.json")
    kept.write_text("[1")
    assert keeper.kept(model, None) is None


def test_two_who_measure_one_model_at_once_measure_it_once(protocol: Protocol, tmp_path: Path) -> None:
    built: list[int] = []

    def build() -> Protocol:
        built.append(1)
        return protocol

    keeper, model = DecisionKeeper(build, "generated", tmp_path), face_model(Quarters())
    with ThreadPoolExecutor(2) as visitors:
        one, other = visitors.map(lambda _: keeper.measured(model, None, said), range(2))
    assert one == other
    assert built == [1]

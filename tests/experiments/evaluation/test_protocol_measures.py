"""The measures of a protocol: those of its pairs and probes, whatever else its source holds."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from datamodules.errors import DataError
from datamodules.protocols import EvaluationProtocol, Identification, VerificationPairs
from datamodules.protocols.generated_protocol import generated_protocol
from experiments.evaluation.protocol_measures import evaluate_protocol, readable
from tests.helpers.doubles import PlainSource


def pairs(first: list[int], second: list[int], same: list[bool], fold: list[int]) -> VerificationPairs:
    return VerificationPairs(np.array(first), np.array(second), np.array(same), np.array(fold))


def protocol(people: int = 20, images: int = 3) -> EvaluationProtocol:
    source = PlainSource([images] * people)
    generator = np.random.default_rng(0)
    first, second = generator.integers(people * images, size=(2, 400))
    keep = first != second
    first, second = first[keep], second[keep]
    same = source.identities[first] == source.identities[second]
    fold = source.identities[first] % 5
    probes = np.arange(people * images)
    return EvaluationProtocol(
        "plain",
        source,
        {"all": VerificationPairs(first, second, same, fold)},
        {"all": Identification(probes[probes % images == 0], probes[probes % images != 0])},
    )


def test_perfect_embeddings_make_no_error() -> None:
    what = protocol()
    found = evaluate_protocol(what, np.eye(20, dtype=np.float32)[what.source.identities]).rows()["all"]
    assert (found["accuracy"], found["accuracy_std"], found["eer"], found["auc"]) == (1, 0, 0, 1)
    assert (found["rank1"], found["rank5"], found["gallery"], found["probes"]) == (1, 1, 20, 40)


def test_measures_are_those_of_the_pairs_cosine_similarities() -> None:
    what = protocol()
    embeddings = np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    embeddings += 2 * np.random.default_rng(2).normal(size=(20, 8))[what.source.identities].astype(np.float32)
    found = evaluate_protocol(what, 7 * embeddings)
    listed = what.verification["all"]
    one, other = torch.from_numpy(embeddings[listed.first]), torch.from_numpy(embeddings[listed.second])
    scores = torch.cosine_similarity(one.double(), other.double())
    torch.testing.assert_close(found.verification["all"].scores.double(), scores, rtol=1e-5, atol=1e-6)
    measures = found.rows()["all"]
    assert measures["auc"] == pytest.approx(roc_auc_score(listed.same, scores), abs=1e-4)
    assert measures["pairs"] == len(listed)
    assert 0.5 < measures["accuracy"] < 1
    directions = torch.nn.functional.normalize(torch.from_numpy(embeddings))
    faces = what.identification["all"]
    nearest = faces.gallery[(directions[faces.probes] @ directions[faces.gallery].T).argmax(1)]
    expected = np.mean(what.source.identities[nearest] == what.source.identities[faces.probes])
    assert measures["rank1"] == pytest.approx(expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_embedding_that_is_not_finite_is_named(value: float) -> None:
    what = protocol()
    embeddings = np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    embeddings[[7, 9], 2] = value
    with pytest.raises(DataError, match=r"^image-7: expected a finite embedding, got NaN or infinity \(2 of 60 images"):
        evaluate_protocol(what, embeddings)


def test_an_embedding_of_zeros_is_alike_to_nobody_and_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    what = protocol()
    embeddings = np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    embeddings[[7, 9]] = 0.0
    listed = what.verification["all"]
    scores = evaluate_protocol(what, embeddings).verification["all"].scores.numpy()
    touched = np.isin(listed.first, [7, 9]) | np.isin(listed.second, [7, 9])
    assert touched.any()
    assert (scores[touched] == 0).all()
    assert "warning: image-7: its embedding is all zeros and alike to nobody (2 of 60" in capsys.readouterr().err


def test_short_and_long_embeddings_have_directions() -> None:
    what = protocol()
    embeddings = np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    plain, short, long = (evaluate_protocol(what, scale * embeddings).rows()["all"] for scale in (1, 1e-30, 1e30))
    assert plain["auc"] == pytest.approx(short["auc"]) == pytest.approx(long["auc"])


@pytest.mark.parametrize("name", ["accuracy", "eer", "auc", "rank1", "iou", "pairs"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_measure_that_is_no_number_is_not_taken_for_one_that_cannot_be_measured(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"Expected a finite {name} of all, got {value}"):
        readable({"all": {"tar@far=0.001": math.nan, name: value}})


def test_scores_that_do_not_vary_tell_nobody_apart() -> None:
    what = protocol()
    found = readable(evaluate_protocol(what, np.ones((60, 4), np.float32)).rows())["all"]
    assert found["decidability"] == 0
    assert found["auc"] == pytest.approx(0.5)
    assert found["rank1"] == 0


def test_a_rate_that_cannot_be_measured_is_no_number() -> None:
    what = protocol()
    found = evaluate_protocol(what, np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)).rows()
    impostors = found["all"]["pairs"] - found["all"]["genuine"]
    assert 100 < impostors < 1000
    assert math.isnan(found["all"]["tar@far=0.001"])
    assert math.isfinite(found["all"]["tar@far=0.01"])
    assert readable(found)["all"]["tar@far=0.001"] is None


def test_without_folds_there_is_no_fold_accuracy_and_without_impostors_no_rate() -> None:
    source = PlainSource([2, 2])
    what = EvaluationProtocol(
        "few",
        source,
        {"both": pairs([0, 0], [1, 2], [True, False], [0, 0]), "genuine": pairs([0, 2], [1, 3], [True, True], [0, 0])},
    )
    found = evaluate_protocol(what, np.eye(4, dtype=np.float32)).rows()
    assert "accuracy" not in found["both"]
    assert "auc" in found["both"]
    assert found["genuine"] == {"pairs": 2, "genuine": 2}


@pytest.mark.parametrize(("people", "images"), [(19, 3), (1, 6), (20, 1)])
def test_too_few_generated_people_are_refused(people: int, images: int) -> None:
    with pytest.raises(ValueError, match=r"Expected `(identities|images)` of at least (20|2), got"):
        generated_protocol(people, images, cache_dir=None)


@pytest.mark.parametrize("people", [20, 23, 100])
def test_generated_pairs_are_half_genuine_and_stay_within_their_fold(people: int) -> None:
    what = generated_protocol(people, 3, cache_dir=None)
    listed, identities = what.verification["all"], what.source.identities
    assert listed.same.sum() * 2 == len(listed) == 2 * 3 * people
    assert np.array_equal(identities[listed.first] == identities[listed.second], listed.same)
    assert np.array_equal(identities[listed.first] % 10, listed.fold)
    assert np.array_equal(identities[listed.second] % 10, listed.fold)
    assert len({tuple(sorted(pair)) for pair in zip(listed.first, listed.second, strict=True)}) > 0.9 * len(listed)


def test_generated_faces_are_covered_in_two_ways() -> None:
    what = generated_protocol(20, 3, cache_dir=None)
    maps: Any = what.source
    number = len(what.source) // 3
    assert list(what.verification) == list(what.identification) == ["all", "sunglasses", "scarf"]
    assert np.array_equal(what.source.identities, np.tile(what.source.identities[:number], 3))
    for place, condition in enumerate(("sunglasses", "scarf"), start=1):
        clean, covered = what.verification["all"], what.verification[condition]
        assert np.array_equal(covered.first, clean.first)
        assert np.array_equal(covered.second, clean.second + place * number)
        assert np.array_equal(what.identification[condition].gallery, what.identification["all"].gallery)
        changed = (what.source.image(4) != what.source.image(4 + place * number)).any(-1)
        assert 0.02 < changed.mean() < 0.7
        rows = np.flatnonzero(changed.any(1)).mean()
        assert (rows > 32) == (condition == "scarf")  # below the middle, or above
        assert np.array_equal(what.source.image(4 + place * number), what.source.image(4 + place * number))
        assert what.source.name(4 + place * number) == f"{what.source.name(4)}#{condition}"
        label_map = maps.label_map(4 + place * number) > 0
        assert (label_map & changed).sum() > 0.9 * label_map.sum() > 0.4 * changed.sum()  # edges and shadows are soft
    assert not maps.label_map(4).any()

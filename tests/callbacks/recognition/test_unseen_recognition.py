"""Recognition of unseen identities: the protocol's laws on embeddings made by hand."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from callbacks import UnseenRecognition
from callbacks.metrics.directions import directions
from callbacks.recognition import identify, verify
from callbacks.recognition.unseen_recognition import MEASURES, unseen_recognition
from callbacks.row_collector import Rows
from datamodules.errors import DataError
from datamodules.seams.comparisons import unseen_comparisons
from losses import decidability

IDENTITIES = torch.tensor([4, 4, 4, 9, 9, 9, 12, 12, 12])


def rows(embeddings: dict[str, Tensor], identities: Tensor = IDENTITIES) -> Rows:
    names = [name for name in embeddings for _ in identities]
    index = torch.arange(len(identities)).repeat(len(embeddings))
    return Rows(names, index, identities.repeat(len(embeddings)), torch.cat(list(embeddings.values())))


def one_hot(identities: Tensor) -> Tensor:
    same: Tensor = identities[:, None] == torch.unique(identities)
    return same.float()


def test_perfect_embeddings_make_no_error() -> None:
    measures = unseen_recognition(rows({"none": one_hot(IDENTITIES), "scarf": one_hot(IDENTITIES)}), num_folds=3)
    assert {name: float(value) for name, value in measures.items()} == {
        f"{measure}/{condition}": value
        for measure, value in {"rank1": 1.0, "accuracy": 1.0, "eer": 0.0, "gallery_decidability": math.inf}.items()
        for condition in ("none", "scarf", "occluded")
    }


def test_an_occluder_that_turns_everyone_into_the_first_leaves_only_the_first() -> None:
    everyone_first = one_hot(IDENTITIES)[:1].expand(9, -1)
    measures = unseen_recognition(rows({"none": one_hot(IDENTITIES), "cup": everyone_first}), num_folds=3)
    assert measures["rank1/none"] == 1
    assert measures["rank1/cup"] == pytest.approx(1 / 3)


def test_decidability_compares_every_probe_with_every_enrolled_face() -> None:
    table = rows({"none": torch.randn(9, 4, generator=torch.Generator().manual_seed(1))})
    directions = torch.nn.functional.normalize(table.value)
    genuine: list[Tensor] = []
    impostor: list[Tensor] = []
    for probe in (1, 2, 4, 5, 7, 8):
        for enrolled in (0, 3, 6):
            kind = genuine if IDENTITIES[probe] == IDENTITIES[enrolled] else impostor
            kind.append(directions[probe] @ directions[enrolled])
    expected = decidability(torch.stack(genuine), torch.stack(impostor))
    assert unseen_recognition(table, num_folds=3)["gallery_decidability/none"] == pytest.approx(float(expected))


def test_enrolled_images_are_never_probes_even_occluded() -> None:
    embeddings = one_hot(IDENTITIES)
    spoiled = embeddings.clone()
    spoiled[[0, 3, 6]] = embeddings[[3, 6, 0]]  # the enrolled images, occluded, look like somebody else
    assert unseen_recognition(rows({"none": embeddings, "cup": spoiled}), num_folds=3)["rank1/cup"] == 1


def test_order_of_batches_is_irrelevant() -> None:
    generator = torch.Generator().manual_seed(0)
    table = rows({"none": torch.randn(9, 4, generator=generator), "cup": torch.randn(9, 4, generator=generator)})
    order = torch.randperm(18, generator=generator)
    shuffled = Rows([table.occluder[i] for i in order], table.index[order], table.identity[order], table.value[order])
    first_images = unseen_recognition(table, num_folds=3)
    restored = shuffled.index.argsort(stable=True)
    again = Rows(
        [shuffled.occluder[i] for i in restored],
        shuffled.index[restored],
        shuffled.identity[restored],
        shuffled.value[restored],
    )
    assert unseen_recognition(again, num_folds=3).keys() == first_images.keys()
    assert unseen_recognition(again, num_folds=3)["rank1/cup"] == first_images["rank1/cup"]


def test_refuses_one_fold() -> None:
    with pytest.raises(ValueError, match="`num_folds` of at least 2"):
        UnseenRecognition(num_folds=1)


def test_a_module_without_embeddings_is_left_alone(recording_module: Any) -> None:
    callback = UnseenRecognition()
    callback.on_test_batch_end(None, recording_module, None, {}, 0)  # type: ignore[arg-type,typeddict-item]  # no embedding, so nothing is read
    callback.on_test_epoch_end(None, recording_module)  # type: ignore[arg-type]  # the trainer is not used
    assert recording_module.logged == {}


def test_one_enrolled_face_that_is_not_finite_is_refused_and_named(recording_module: Any) -> None:
    callback = UnseenRecognition()
    embeddings = one_hot(IDENTITIES)
    embeddings[3, 0] = math.nan
    batch: Any = {
        "occluder": ["none"] * 9,
        "index": torch.arange(9),
        "identity": IDENTITIES,
        "name": [f"{i}.png" for i in range(9)],
    }
    callback.on_test_batch_end(None, recording_module, {"embedding": embeddings}, batch, 0)  # type: ignore[arg-type]  # the trainer is not used
    with pytest.raises(DataError, match=r"^3.png: expected a finite embedding"):
        callback.on_test_epoch_end(None, recording_module)  # type: ignore[arg-type]  # the trainer is not used
    assert recording_module.logged == {}


def test_faces_that_are_all_the_same_are_recognised_by_chance_and_never_better() -> None:
    constant = torch.full((9, 4), 0.1)
    measures = unseen_recognition(rows({"none": constant, "cup": constant}), num_folds=3)
    for condition in ("none", "cup", "occluded"):
        assert [measures[f"{name}/{condition}"] for name in MEASURES] == [0.0, 0.5, 0.5, 0.0]


def test_a_condition_never_takes_the_place_of_the_mean() -> None:
    with pytest.raises(ValueError, match=r"Expected conditions named other than .*, got 'occluded'"):
        unseen_recognition(rows({"none": one_hot(IDENTITIES), "occluded": one_hot(IDENTITIES)}))


def test_lengths_beyond_what_float32_squares_change_nothing() -> None:
    embeddings = torch.randn(9, 4, generator=torch.Generator().manual_seed(3))
    lengths = torch.tensor([1e20, 1.0, 1e-20] * 3)[:, None]
    expected, found = (unseen_recognition(rows({"none": e}), num_folds=3) for e in (embeddings, lengths * embeddings))
    assert {name: float(v) for name, v in found.items()} == pytest.approx({n: float(v) for n, v in expected.items()})


def test_measures_are_those_of_an_evaluation_by_the_same_comparisons() -> None:
    identities = torch.arange(12).repeat_interleave(5)
    generator = torch.Generator().manual_seed(5)
    centres = torch.randn(12, 6, generator=generator)[identities]
    conditions = ("cup", "none")
    table = rows({name: centres + torch.randn(60, 6, generator=generator) for name in conditions}, identities)
    compared = unseen_comparisons(table.identity.numpy(), table.index.numpy(), table.occluder, num_folds=4)
    found = unseen_recognition(table, num_folds=4)
    for condition in conditions:
        verified = verify(compared.verification[condition], directions(table.value)).measures
        identified = identify(compared.identification[condition], table.value, table.identity).measures
        for name in MEASURES:
            assert found[f"{name}/{condition}"] == {**verified, **identified}[name]
        assert 0 < found[f"rank1/{condition}"] < 1
        assert verified["decidability"] != identified["gallery_decidability"]  # of other comparisons

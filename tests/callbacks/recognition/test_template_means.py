"""Templates' embeddings: a plain loop, single images, the order of media, lengths and qualities, a face of zeros."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch.testing import assert_close

from callbacks.recognition.template_means import template_means
from datamodules.protocols import EvaluationProtocol, Identification, Templates, VerificationPairs
from experiments.evaluation.protocol_measures import evaluate_protocol
from tests.helpers.doubles import PlainSource


def joined(rows: int = 200, number: int = 30, seed: int = 0, **settings: Any) -> tuple[Tensor, Templates]:
    """Embeddings of any length, and templates of a few images of a few media each; some images are in several."""
    rng = np.random.default_rng(seed)
    template = rng.permutation(np.concatenate([np.arange(number), rng.integers(number, size=rows - number)]))
    embeddings = torch.from_numpy(rng.normal(size=(80, 16)) * rng.uniform(0.5, 20, (80, 1))).float()
    names = [str(place) for place in range(number)]
    image, medium = rng.integers(80, size=rows), rng.integers(4, size=rows)
    return embeddings, Templates(image, template, medium, np.arange(number), names, **settings)


def looped(embeddings: Tensor, templates: Templates) -> Tensor:
    means = []
    for place in range(len(templates)):
        media = []
        for medium in set(templates.medium[templates.template == place].tolist()):
            rows = np.flatnonzero((templates.template == place) & (templates.medium == medium))
            faces = []
            for row in rows:
                face = embeddings[templates.image[row]].double()
                weight = 1.0 if templates.weighting == "mean" else float(face.norm())
                if templates.weighting == "quality" and templates.quality is not None:
                    weight = float(templates.quality[row])
                faces.append(weight * face / face.norm())
            media.append(sum(faces) / len(faces))
        means.append(torch.as_tensor(sum(media)))
    return normalize(torch.stack(means)).float()


SETTINGS = [{}, {"weighting": "quality"}, {"weighting": "quality", "quality": np.random.default_rng(1).random(200)}]


@pytest.mark.parametrize("settings", SETTINGS)
def test_is_the_sum_over_media_of_the_means_of_their_images(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    embeddings, templates = joined(**settings)
    expected = looped(embeddings, templates)
    assert_close(template_means(embeddings, templates), expected, rtol=0, atol=1e-6)
    monkeypatch.setattr(__import__("sys").modules[template_means.__module__], "BLOCK", 7)
    assert_close(template_means(embeddings, templates), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("settings", SETTINGS)
def test_neither_order_nor_numbers_of_media_matter_nor_the_length_of_all(settings: dict[str, Any]) -> None:
    embeddings, templates = joined(**settings)
    order = np.random.default_rng(2).permutation(200)
    quality = None if templates.quality is None else 3 * templates.quality[order]
    turned = replace(
        templates,
        image=templates.image[order],
        template=templates.template[order],
        medium=1000 - 7 * templates.medium[order],
        quality=quality,
    )
    assert_close(template_means(9 * embeddings, turned), template_means(embeddings, templates), rtol=0, atol=1e-6)


def test_a_mean_does_not_know_the_length_of_an_embedding_and_quality_does() -> None:
    rows = np.array([0, 1]), np.array([0, 0]), np.array([0, 1])
    templates = Templates(*rows, identities=np.array([0]), names=["a"])
    embeddings = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    assert_close(template_means(embeddings, templates), torch.tensor([[0.5**0.5, 0.5**0.5]]))
    weighted = template_means(embeddings, replace(templates, weighting="quality"))
    assert_close(weighted, normalize(torch.tensor([[3.0, 1.0]])))
    huge = template_means(1e30 * embeddings, replace(templates, weighting="quality"))
    assert_close(huge, weighted)


def test_a_face_of_zeros_adds_nothing_and_a_template_of_such_is_alike_to_nobody() -> None:
    rows = np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([0, 1, 2])
    templates = Templates(*rows, identities=np.array([0, 1]), names=["a", "b"])
    found = template_means(torch.tensor([[0.6, 0.8], [0.0, 0.0]]), templates)
    assert_close(found, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


def test_templates_of_one_image_each_are_the_plain_protocol() -> None:
    source = PlainSource([3] * 20)
    every = np.arange(60)
    rng = np.random.default_rng(0)
    first, second = rng.integers(60, size=(2, 400))
    first, second = first[first != second], second[first != second]
    same = source.identities[first] == source.identities[second]
    pairs = VerificationPairs(first, second, same, np.zeros(len(first), np.int64))
    plain = EvaluationProtocol("plain", source, {"all": pairs}, {"all": Identification(every[::3], every[1::3])})
    names = [source.name(index) for index in range(60)]
    single = replace(plain, templates=Templates(every, every, every, source.identities, names))
    embeddings = rng.normal(size=(60, 8)).astype(np.float32)
    expected, found = (evaluate_protocol(what, embeddings).rows()["all"] for what in (plain, single))
    assert found == pytest.approx(expected, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"template": np.array([0, 2, 2])}, "Expected an image of each of 2 templates, got 2"),
        ({"template": np.array([0, 0, 0])}, "Expected an image of each of 2 templates, got 1"),
        ({"medium": np.array([0, 0])}, r"Expected `medium` of shape \(3,\), got \(2,\)"),
        ({"names": ["a"]}, "Expected 2 `names`, got 1"),
        ({"quality": np.array([1.0, -1.0, 0.0])}, "Expected finite `quality` of at least 0"),
        ({"quality": np.array([1.0, np.nan, 0.0])}, "Expected finite `quality` of at least 0"),
    ],
)
def test_refuses(settings: dict[str, Any], message: str) -> None:
    rows = {"image": np.arange(3), "template": np.array([0, 1, 1]), "medium": np.arange(3)}
    with pytest.raises(ValueError, match=message):
        Templates(**{**rows, "identities": np.array([0, 1]), "names": ["a", "b"], **settings})

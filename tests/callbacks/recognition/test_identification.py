"""Identification of probes: what is measured, and what an open set is."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from callbacks.metrics import fnir_at_fpir, gallery_decidability, search_scores
from callbacks.metrics.directions import directions
from callbacks.recognition.identification import identify
from datamodules.seams.evaluation_protocol import Identification
from tests.callbacks.metrics.samples import random_people


def people(number: int, images: int = 6) -> tuple[Identification, Tensor, Tensor]:
    """Return one enrolled image of each of some people, all others as probes, with embeddings and identities."""
    embeddings, identities = random_people(number, images, spread=0.8)
    order = identities.argsort(stable=True)
    every = np.arange(len(order))
    faces = Identification(every[every % images == 0], every[every % images != 0])
    return faces, 3 * embeddings[order], 7 * identities[order]


def test_an_open_set_lacks_every_second_identity() -> None:
    faces, embeddings, identities = people(40)
    found = identify(faces, embeddings, identities).measures
    enrolled = [row for row in faces.gallery.tolist() if identities[row] % 14 == 0]
    expected = fnir_at_fpir(
        search_scores(embeddings[enrolled], identities[enrolled], embeddings[faces.probes], identities[faces.probes]),
        (0.01, 0.1),
    )
    assert [found["fnir@fpir=0.01"], found["fnir@fpir=0.1"]] == expected.tolist()
    assert 0 < found["fnir@fpir=0.1"] < found["fnir@fpir=0.01"]
    assert math.isnan(found["fnir@fpir=0.001"])  # of 100 probes without a mate


def test_an_open_set_knows_neither_order_nor_length() -> None:
    faces, embeddings, identities = people(40)
    expected = identify(faces, embeddings, identities).measures
    turned = Identification(faces.gallery[::-1].copy(), faces.probes[::-1].copy())
    assert identify(turned, 9 * embeddings, identities).measures == pytest.approx(expected, nan_ok=True)


def test_decidability_is_of_all_comparisons_of_probes_and_gallery() -> None:
    faces, embeddings, identities = people(40)
    gallery, probes = torch.from_numpy(faces.gallery), torch.from_numpy(faces.probes)
    expected = gallery_decidability(embeddings[gallery], identities[gallery], embeddings[probes], identities[probes])
    assert identify(faces, embeddings, identities).measures["gallery_decidability"] == expected


def test_one_identity_is_found_and_has_no_open_set() -> None:
    found = identify(*people(1)).measures
    assert (found["gallery"], found["probes"], found["rank1"]) == (1, 5, 1)
    assert "gallery_decidability" not in found
    rates = [value for name, value in found.items() if name.startswith("fnir@fpir=")]
    assert rates
    assert all(map(math.isnan, rates))


def test_strangers_are_the_open_set_where_there_are_any() -> None:
    faces, embeddings, identities = people(40)
    gone = np.isin(identities.numpy()[faces.gallery], 7 * np.arange(20))
    strange = np.isin(identities.numpy()[faces.probes], 7 * np.arange(20))
    opened = Identification(faces.gallery[~gone], faces.probes[~strange], faces.probes[strange])
    found = identify(opened, embeddings, identities)
    assert (found.measures["probes"], found.measures["strangers"]) == (100, 100)
    gallery = embeddings[opened.gallery]
    nearest = directions(embeddings[opened.strangers]) @ directions(gallery).T
    threshold = found.measures["threshold@fpir=0.1"]
    reached = (nearest.amax(1).double() >= threshold).double().mean()
    assert float(reached) == pytest.approx(0.1)
    scores = directions(embeddings[opened.probes]) @ directions(gallery).T
    right = identities[opened.gallery][scores.argmax(1)] == identities[opened.probes]
    missed = ~(right & (scores.amax(1).double() >= threshold))
    assert found.measures["fnir@fpir=0.1"] == pytest.approx(float(missed.double().mean()))
    assert found.measures["threshold@fpir=0.1_low"] < threshold < found.measures["threshold@fpir=0.1_high"]
    assert math.isnan(found.measures["threshold@fpir=0.001"])

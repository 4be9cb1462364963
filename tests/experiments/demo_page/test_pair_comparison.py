"""Two faces on the page are compared as evaluations compare them."""

import numpy as np
import pytest
import torch

from callbacks.recognition.matched_comparison import matched_scores
from datamodules.errors import DataError
from experiments.demo_page.pair_comparison import MATCHING, compare, cosines, occluders_of, picture
from tests.helpers.demo_models import SIDE, Mute, Quarters, face_model, noise


def covered_faces() -> tuple[torch.Tensor, torch.Tensor]:
    """Return two faces, the second with a black half."""
    first, second = noise(0), noise(1)
    second[:, : SIDE // 2] = 0
    return first, second


def test_the_plain_score_is_the_cosine_and_nothing_is_matched_where_nothing_is_covered() -> None:
    model, first, second = face_model(), noise(0), noise(1)
    found = compare(model, model, picture(first), picture(second))
    one, other = (model.embed(face[None])[0].double().numpy() for face in (first, second))
    assert found.plain == pytest.approx(one @ other / np.sqrt((one @ one) * (other @ other)), abs=1e-5)
    assert found.matched is None
    assert found.dressed is None


def test_a_covered_pair_has_the_matched_score_of_evaluations_and_shows_the_faces_as_they_are_dressed() -> None:
    model, (first, second) = face_model(), covered_faces()
    found = compare(model, model, picture(first), picture(second))
    masks = torch.zeros(2, SIDE, SIDE)
    masks[1, : SIDE // 2] = 1
    expected = matched_scores(model.embed, first[None], second[None], masks[:1], masks[1:], MATCHING)
    assert found.matched is not None
    assert found.matched == pytest.approx(float(expected), abs=1e-6)
    assert found.matched > found.plain
    assert found.dressed is not None
    assert not found.dressed[0][: SIDE // 2].any()
    assert np.array_equal(found.dressed[0][SIDE // 2 :], picture(first)[SIDE // 2 :])
    assert np.array_equal(found.dressed[1], picture(second))


def test_without_a_segmenter_there_are_scores_and_no_occluders() -> None:
    model = face_model(Quarters())
    found = compare(model, None, *map(picture, covered_faces()))
    assert not model.segments
    assert found.occluders is None
    assert found.matched is None


def test_a_segmenter_of_another_size_says_its_occluders_in_the_faces_pixels() -> None:
    large = torch.nn.functional.interpolate(covered_faces()[1][None].float(), scale_factor=2).byte()
    found = occluders_of(face_model(), large)
    assert found is not None
    assert found.shape == (1, 2 * SIDE, 2 * SIDE)
    assert bool((found[0, : SIDE - 4] > 0.9).all())
    assert bool((found[0, SIDE + 4 :] < 0.1).all())


def test_a_model_that_embeds_nothing_is_said_so() -> None:
    with pytest.raises(DataError, match="mute: expected a model that embeds faces"):
        cosines(face_model(Mute(), "mute").embed, noise(0)[None], noise(1)[None])


def test_every_face_is_embedded_once() -> None:
    model, asked = face_model(), list[int]()
    embed = model.embed

    def counting(faces: torch.Tensor) -> torch.Tensor:
        asked.append(len(faces))
        return embed(faces)

    model.embed = counting  # type: ignore[method-assign]  # it counts, and embeds as before
    compare(model, model, *map(picture, covered_faces()))
    compare(model, model, picture(noise(0)), picture(noise(0)))
    assert asked == [3, 1]  # both, and the first in what the second wears, which itself stays as it is; one face twice

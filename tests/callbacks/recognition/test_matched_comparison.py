"""Matched comparison: laws of the one function, whatever the recogniser."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from callbacks.recognition.dressing import dressed, prepared_masks, wearing
from callbacks.recognition.matched_comparison import matched_scores
from callbacks.recognition.matching import Matching

SIDE = 16
EVERY = Matching(least_share=0.0, most_share=1.0)


class Counting:
    """A random linear recogniser that counts what it embeds."""

    def __init__(self, side: int = SIDE) -> None:
        self.weight = torch.randn(3 * side * side, 8, generator=torch.Generator().manual_seed(1)).double()
        self.images = 0

    def __call__(self, images: Tensor) -> Tensor:
        self.images += len(images)
        return (images.double() / 255 - 0.5).flatten(1) @ self.weight


def faces(number: int, seed: int = 0) -> Tensor:
    return torch.randint(256, (number, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(seed)).byte()


def boxes(*places: tuple[int, int, int, int] | None) -> Tensor:
    masks = torch.zeros(len(places), SIDE, SIDE, dtype=torch.uint8)
    for mask, place in zip(masks, places, strict=True):
        if place is not None:
            top, bottom, left, right = place
            mask[top:bottom, left:right] = 1
    return masks


def test_without_masks_it_is_the_plain_score_and_costs_nothing() -> None:
    embed, x, y, nothing = Counting(), faces(3), faces(3, 1), boxes(None, None, None)
    plain = torch.cosine_similarity(embed(x), embed(y))
    embed.images = 0
    torch.testing.assert_close(matched_scores(embed, x, y, nothing, nothing).double(), plain)
    assert embed.images == 6


@pytest.mark.parametrize("matching", [EVERY, Matching(weight=0.3, grow=1), Matching(soften=1.0), Matching(fill="grey")])
def test_it_is_symmetric(matching: Matching) -> None:
    pair = faces(2), faces(2, 1)
    masks = boxes((0, 6, 0, 9), None), boxes((8, 14, 2, 16), (4, 12, 4, 12))
    there = matched_scores(Counting(), *pair, *masks, matching)
    back = matched_scores(Counting(), pair[1], pair[0], masks[1], masks[0], matching)
    torch.testing.assert_close(there, back)


def test_the_same_face_under_another_s_occluder_matches_itself_altogether() -> None:
    face, occluder = faces(1), faces(1, 5)
    mask = boxes((9, 16, 0, 16))
    covered = torch.where(mask[:, None] > 0, occluder, face)
    score = matched_scores(Counting(), face, covered, boxes(None), mask, Matching(weight=1.0))
    assert score.item() == pytest.approx(1)


def test_it_agrees_with_pixels_painted_one_by_one() -> None:
    embed, x, y = Counting(), faces(2), faces(2, 1)
    masks = boxes((2, 7, 3, 12), (0, 3, 0, 16)), boxes((5, 12, 1, 9), None)
    expected = []
    for pair in range(2):
        ours, theirs = x[pair].numpy().copy(), y[pair].numpy().copy()
        for row in range(SIDE):
            for column in range(SIDE):
                if masks[1][pair, row, column]:
                    ours[:, row, column] = y[pair, :, row, column].numpy()
                if masks[0][pair, row, column]:
                    theirs[:, row, column] = x[pair, :, row, column].numpy()
        cosines = []
        for one, other in ((x[pair].numpy(), y[pair].numpy()), (ours, theirs)):
            a, b = (embed(torch.from_numpy(face)[None])[0].numpy() for face in (one, other))
            cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        expected.append(0.6 * cosines[0] + 0.4 * cosines[1])
    found = matched_scores(embed, x, y, *masks, Matching(weight=0.4, least_share=0.0))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_specks_are_compared_as_they_are_however_they_grow() -> None:
    embed, x, y = Counting(), faces(1), faces(1, 1)
    found = matched_scores(embed, x, y, boxes(None), boxes((0, 1, 0, 2)), Matching(grow=4))
    torch.testing.assert_close(found.double(), torch.cosine_similarity(embed(x), embed(y)))


@pytest.mark.parametrize("other", [None, (0, 6, 0, 9)])
def test_a_face_covered_altogether_keeps_the_plain_score_and_is_told(other: tuple[int, int, int, int] | None) -> None:
    embed, x, y = Counting(), faces(1), faces(1, 1)
    with pytest.warns(UserWarning, match="1 pairs with a face that is covered altogether keep the plain score"):
        found = matched_scores(embed, x, y, boxes(other), boxes((0, 16, 0, 16)))
    torch.testing.assert_close(found.double(), torch.cosine_similarity(embed(x), embed(y)))


def test_a_weight_that_rises_with_the_covered_share() -> None:
    x, y, half = faces(1), faces(1, 1), boxes((0, 8, 0, 16))
    settings = Matching(weight=0.0), Matching(weight=0.8), Matching(weight=0.8, full_weight_share=1.0)
    plain, full, risen = (matched_scores(Counting(), x, y, boxes(None), half, one).item() for one in settings)
    assert risen == pytest.approx((plain + full) / 2, abs=1e-6)


def test_masks_grow_on_all_sides_and_soften_without_a_loss_at_the_border() -> None:
    grown = prepared_masks(boxes((4, 6, 5, 9)), Matching(grow=2))
    torch.testing.assert_close(grown, boxes((2, 8, 3, 11)).float())
    softened = prepared_masks(boxes((0, 8, 0, 16)), Matching(soften=1.5))
    assert softened[0, 0, 0] == pytest.approx(1, abs=1e-6)
    assert softened[0, 7, 0] + softened[0, 8, 0] == pytest.approx(1, abs=1e-5)
    assert (softened.diff(dim=1) <= 1e-6).all()


def test_one_filling_covers_both_alike() -> None:
    masks = boxes((0, 4, 0, 8)), boxes((2, 9, 4, 16))
    both = ((masks[0] + masks[1]) > 0)[0]
    for fill in ("grey", "noise"):
        worn = dressed(faces(1), faces(1, 1), masks[0].float(), masks[1].float(), Matching(fill=fill))
        assert torch.equal(worn.first[0][:, both], worn.second[0][:, both])
        assert torch.equal(worn.first[0][:, ~both], faces(1)[0][:, ~both])


def test_a_random_place_is_another_one_of_the_same_size_with_the_occluder_s_own_pixels() -> None:
    x, y, mask = torch.zeros(1, 3, SIDE, SIDE), torch.full((1, 3, SIDE, SIDE), 9.0), boxes((3, 7, 2, 8)).float()
    places = set()
    for seed in range(20):
        worn = wearing(x, y, torch.zeros_like(mask), mask, Matching(place="random"), seed=seed)[0, 0]
        assert int((worn == 9).sum()) == 24
        places.add(tuple(torch.nonzero(worn)[0].tolist()))
        again = wearing(x, y, torch.zeros_like(mask), mask, Matching(place="random"), seed=seed)[0, 0]
        assert torch.equal(worn, again)
    assert len(places) > 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embed": torch.zeros(2, 4)}, "of embeddings alone none can be made of a face that wears another's occluder"),
        ({"second": faces(2)[..., :8]}, "Expected faces .* alike"),
        ({"first_masks": None}, "Expected `first_masks`, all 0 where nothing is covered, got NoneType"),
        ({"second_masks": torch.zeros(2, 8, 8)}, "Expected `second_masks` .2, 16, 16., of the faces' size, got"),
        ({"second_masks": boxes(None, None) + 255}, "from 0 to 1, got 255 to 255"),
    ],
)
def test_refuses_in_one_line(changes: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"embed": Counting(), "first": faces(2), "second": faces(2, 1)}
    given |= {"first_masks": boxes(None, None), "second_masks": boxes(None, None)} | changes
    with pytest.raises(ValueError, match=message) as refused:
        matched_scores(**given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"weight": 1.1},
        {"fill": "red"},
        {"place": "there"},
        {"place": "random", "fill": "grey"},
        {"grow": -1},
        {"least_share": 0.9},
        {"weight": float("nan")},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        Matching(**settings)

"""What is shown has words for every picture, and nothing of a visitor's becomes markup."""

import re
from collections.abc import Iterator

import numpy as np
import pytest

from datamodules.errors import DataError
from experiments.demo_page.comparison_view import comparison_page
from experiments.demo_page.decision_points import DecisionPoint, Decisions, ModelDecisions
from experiments.demo_page.handlers import shown
from experiments.demo_page.occluded_view import occluded_page
from experiments.demo_page.page_parts import error_box, figure, overlay
from experiments.demo_page.page_server import style_sheet
from experiments.demo_page.pair_comparison import PairComparison, compare, picture
from tests.helpers.demo_models import SIDE, face_model, noise

CLEAN = Decisions("toy", "toy pairs", 30, 40, [DecisionPoint(0.1, 0.5, 0.25), DecisionPoint(0.01, 0.9999, 0.75)])
MATCHED = Decisions("toy", "covered toy pairs", 30, 40, [DecisionPoint(0.1, 0.2, 0.125)])
KNOWN = ModelDecisions(CLEAN, CLEAN, MATCHED)


def found() -> PairComparison:
    """Return a comparison of which one face is covered."""
    second = noise(1)
    second[:, : SIDE // 2] = 0
    return compare(face_model(), face_model(), picture(noise(0)), picture(second))


def test_match_and_its_errors_are_said_at_the_thresholds_of_each_score() -> None:
    page = comparison_page(found(), KNOWN, far=0.1, least=0.5)
    assert "Compared as they are: match." in page
    assert "Covered alike: match." in page
    assert "1 in 10 pairs of different people is taken for a match (FAR 10.0%)" in page
    assert "12.5% of pairs of one person are refused (FRR): measured on 30 genuine and 40 impostor covered toy" in page
    assert "no match" in comparison_page(found(), KNOWN, far=0.01, least=0.5)


def test_a_rate_that_was_not_measured_and_a_model_that_was_not_decide_nothing() -> None:
    assert "40 impostor pairs cannot measure 1 in 1,000" in comparison_page(found(), KNOWN, far=0.001, least=0.5)
    assert "not measured yet" in comparison_page(found(), None, far=0.1, least=0.5)


@pytest.mark.parametrize(
    "page", [comparison_page(found(), KNOWN, far=0.1, least=0.5), occluded_page(found(), KNOWN, far=0.1)]
)
def test_every_picture_has_words(page: str) -> None:
    pictures = re.findall(r"<img[^>]*>", page)
    assert pictures
    assert all(re.search(r' alt="[^"]{10,}"', one) for one in pictures)


def test_the_slider_says_from_which_probability_on_a_pixel_is_red() -> None:
    face, probability = np.zeros((2, 2, 3), np.uint8), np.array([[0.2, 0.4], [0.6, 0.8]], np.float32)
    assert [int((overlay(face, probability, least)[..., 0] > 0).sum()) for least in (0.1, 0.5, 0.7)] == [4, 2, 1]


def test_names_and_messages_are_text() -> None:
    evil = '"><script>alert(1)</script>'
    for made in (error_box(evil), figure(np.zeros((2, 2, 3), np.uint8), alt=evil, caption=evil)):
        assert "<script" not in made
        assert '""' not in made


@pytest.mark.parametrize("error", [DataError("Expected x"), ValueError("Expected x"), RuntimeError("x"), MemoryError()])
def test_whatever_is_raised_is_a_line_on_the_page(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    @shown(outputs=3)
    def handler() -> None:
        raise error

    box, *others = handler()
    assert 'role="alert"' in box
    assert others == [None, None]
    assert ("Traceback" in capsys.readouterr().err) == isinstance(error, RuntimeError)


def test_steps_that_fail_end_in_a_line_on_the_page_and_who_leaves_ends_them() -> None:
    ended: list[str] = []

    @shown(outputs=2)
    def handler(*, fails: bool) -> Iterator[tuple[str, str]]:
        try:
            yield "half", ""
            if fails:
                raise DataError("Expected x")
            yield "whole", ""
        finally:
            ended.append("ended")

    half, (box, other) = handler(fails=True)
    assert half == ("half", "")
    assert "Expected x" in box
    assert other is None
    steps = handler(fails=False)
    next(steps)
    steps.close()
    assert ended == ["ended", "ended"]


def test_a_name_that_is_no_text_is_shown_all_the_same() -> None:
    assert error_box("\udcff.png").encode()


def test_the_page_has_the_style_of_reports_and_asks_no_other_server() -> None:
    style = style_sheet()
    assert ".pictures { display: flex" in style
    assert "{%" not in style
    assert not re.search(r"url\(|@import|https?:", style)

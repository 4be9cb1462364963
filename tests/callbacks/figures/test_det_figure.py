"""Detection error tradeoffs drawn: straight lines of normal scores, few points, and the figure in words."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from callbacks.figures.det_figure import Tradeoff, deviate, draw_det, thinned
from callbacks.metrics import det_curve


def normal_scores(number: int = 200_000) -> Tradeoff:
    generator = torch.Generator().manual_seed(0)
    genuine, impostor = torch.randn(2, number, generator=generator, dtype=torch.double)
    return Tradeoff(det_curve(genuine + 2, impostor), (0.01, 0.4))


def test_normal_scores_are_a_straight_line() -> None:
    x, y = (deviate(rates).numpy() for rates in normal_scores().curve)
    inside = (x > -2.5) & (y > -2.5) & (x < 1) & (y < 1)
    slope, offset = np.polyfit(x[inside], y[inside], 1)
    np.testing.assert_allclose([slope, offset], [-1, -2], atol=0.03)


def test_thinning_leaves_few_points_and_the_line_where_it_was() -> None:
    curve = normal_scores(20_000).curve
    few = thinned(curve)
    assert len(few.false_accepts) < 2000 < len(curve.false_accepts)
    every, kept = (torch.stack([deviate(rates) for rates in of], 1) for of in (curve, few))
    assert float(torch.cdist(every, kept).amin(1).max()) < 0.01


def test_a_picture_says_in_words_what_it_shows(tmp_path: Path) -> None:
    one = normal_scores(5000)
    draw_det({"net": {"lfw": one}, "other": {"lfw": one, "scarf": Tradeoff(one.curve)}}, tmp_path / "det.png")
    with Image.open(tmp_path / "det.png") as picture:
        said = picture.info["Description"]
        assert picture.width > picture.height
    assert said.startswith("Detection error tradeoff: false reject rate over false accept rate, normal-deviate axes.")
    assert "at the threshold in use 1.00 % and 40.00 %" in said
    assert said.count("both 1") == 3  # the equal error rate of two deviations apart: 15.9 %

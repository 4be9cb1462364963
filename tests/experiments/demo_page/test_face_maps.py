"""Maps on the page are those of the engine, whatever part of them is computed at a time."""

import numpy as np
import pytest
import torch
from torch import nn

from callbacks.occlusion_sensitivity import verification_maps
from datamodules.errors import DataError
from experiments.demo_page.face_maps import GREY, class_map, pair_map
from experiments.demo_page.map_view import drawing, map_page
from experiments.demo_page.pair_comparison import picture
from tests.helpers.demo_models import SIDE, face_model, noise


def convolution() -> nn.Module:
    """Return a small network that embeds."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten())


@pytest.mark.parametrize("covered", ["both", "first", "second"])
def test_a_map_in_parts_is_the_map_at_once_and_progress_ends_at_one(covered: str) -> None:
    model, faces, told = face_model(convolution()), torch.stack([noise(0), noise(1)]), list[float]()
    how = {"covered": covered, "occluder": 8, "stride": 5, "progress": told.append}
    found = pair_map(model, picture(faces[0]), picture(faces[1]), **how)  # type: ignore[arg-type]  # one by one above
    pixels = model.module.pixels(faces)
    expected = verification_maps(
        model.embedding_network,
        pixels[:1],
        pixels[1:],
        covered=covered,  # type: ignore[arg-type]  # of the three
        occluder_size=(8, 8),
        stride=5,
        fill=GREY / 255,
        method="dense",
    )
    assert np.allclose(found.values, expected.scores[0].numpy(), atol=1e-5)
    assert found.clean == pytest.approx(float(expected.clean), abs=1e-5)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_a_square_larger_than_the_face_and_a_model_without_classes_are_said() -> None:
    model, face = face_model(convolution()), picture(noise(0))
    with pytest.raises(DataError, match="toy: "):
        pair_map(model, face, face, covered="both", occluder=SIDE + 1, stride=4, progress=lambda done: None)
    with pytest.raises(DataError, match="toy: expected a model that was trained here and has classes"):
        class_map(model, face, occluder=8, stride=4)


def test_the_page_says_position_and_value_of_every_cell_and_cells_fill_the_face() -> None:
    face = picture(noise(0))
    how = {"covered": "both", "occluder": 8, "stride": 8, "progress": lambda done: None}
    found = pair_map(face_model(convolution()), face, face, **how)  # type: ignore[arg-type]  # see above
    drawn = drawing(found)
    assert drawn.count("<rect") == found.values.size
    assert f"row 8, column 16: {found.values[1, 2]:.3f}" in drawn
    assert 'role="img" aria-label="Map of the score' in drawn
    assert "Without a square the score is 1.000" in map_page(found)

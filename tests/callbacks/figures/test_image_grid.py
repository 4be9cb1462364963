"""What label maps look like in figures: an occluder in its colour, what is ignored dark, and never as an occluder."""

import torch

from callbacks.figures.image_grid import label_levels, segmentation_rows, tinted

IMAGES = torch.full((1, 3, 1, 3), 0.5)
MASK = torch.tensor([[[0, 1, 255]]], dtype=torch.uint8)


def test_an_occluder_is_tinted_a_face_is_as_it_was_and_what_is_ignored_is_darker() -> None:
    face, occluder, ignored = tinted(IMAGES, MASK)[0, :, 0].T
    assert torch.equal(face, torch.full((3,), 0.5))
    assert occluder[0] > 0.7
    assert occluder[1] < 0.4
    assert torch.equal(ignored, ignored[:1].expand(3))
    assert ignored[0] < 0.25
    assert torch.equal(tinted(IMAGES, MASK == 1)[..., :2], tinted(IMAGES, MASK)[..., :2])


def test_levels_of_grey_tell_the_three_apart() -> None:
    face, occluder, ignored = label_levels(MASK)[0, 0].tolist()
    assert face == 0.0 < ignored < 0.5 < occluder == 1.0


def test_what_is_seen_where_the_truth_is_ignored_is_not_shown() -> None:
    example = {"image": (255 * IMAGES[0]).byte(), "mask": MASK[0], "segmentation": torch.ones(1, 3).byte()}
    _, truth, seen = segmentation_rows([example])
    assert torch.equal(seen[..., 1:], truth[..., 1:])
    assert not torch.equal(seen[..., 0], truth[..., 0])

"""DropBlock: what is dropped, how often, and what is refused; and how a network takes it."""

from functools import partial

import pytest
import torch
from torch import Tensor

from lightning_modules.networks import DropBlock, FaceNet, PooledHead, VGG16Trunk


def dropped(drop: DropBlock, *shape: int) -> Tensor:
    torch.manual_seed(0)
    features: Tensor = drop(torch.ones(shape))
    return features == 0


def of_blocks(centres: Tensor, half: int) -> Tensor:
    """Return the union of blocks about centres, ``(H, W)`` bool, drawn one by one."""
    covered = torch.zeros_like(centres)
    for row, column in centres.nonzero().tolist():
        covered[row - half : row + half + 1, column - half : column + half + 1] = True
    return covered


@pytest.mark.parametrize("size", [1, 3, 5])
def test_what_is_dropped_is_a_union_of_whole_blocks_within_the_map(size: int) -> None:
    masks = dropped(DropBlock((8, 9, 7), 0.2, size), 4, 8, 9, 7).flatten(0, 1)
    assert masks.any()
    half = size // 2
    for mask in masks:
        centres = torch.zeros_like(mask)
        for row in range(half, 9 - half):
            for column in range(half, 7 - half):
                centres[row, column] = mask[row - half : row + half + 1, column - half : column + half + 1].all()
        assert torch.equal(of_blocks(centres, half), mask)


def test_channels_and_images_are_dropped_on_their_own() -> None:
    masks = dropped(DropBlock((16, 5, 5), 0.3, 3), 16, 16, 5, 5).flatten(2).any(2)  # (B, C): whether there is a block
    assert 0 < masks.float().mean() < 1
    assert masks.float().std(0).min() > 0
    assert masks.float().std(1).min() > 0


def test_units_are_dropped_about_as_often_as_asked() -> None:
    share = dropped(DropBlock((64, 14, 14), 0.1, 7), 64, 64, 14, 14).float().mean().item()
    assert 0.08 < share < 0.1  # blocks overlap: somewhat less


def test_what_is_left_is_scaled_to_keep_the_mean() -> None:
    torch.manual_seed(0)
    features = torch.ones(8, 16, 6, 6)
    assert DropBlock((16, 6, 6), 0.3, 3)(features).mean().item() == pytest.approx(1, rel=1e-5)


def test_evaluation_and_a_probability_of_zero_change_nothing() -> None:
    features = torch.rand(2, 3, 5, 5)
    assert torch.equal(DropBlock((3, 5, 5), 0.5, 3).eval()(features), features)
    assert torch.equal(DropBlock((3, 5, 5), 0.0, 3)(features), features)


def test_a_network_drops_between_trunk_and_head_and_names_its_weights_as_without() -> None:
    torch.manual_seed(0)
    trunk, head = VGG16Trunk(0.125), partial(PooledHead, embedding_dim=8)
    plain = FaceNet(trunk, head, image_size=64)
    network = FaceNet(trunk, head, image_size=64, feature_dropout=partial(DropBlock, probability=0.2, block_size=3))
    assert list(network.state_dict()) == list(plain.state_dict())
    network.load_state_dict(plain.state_dict())
    x = torch.rand(4, 3, 64, 64)
    assert network.feature_dropout is not None
    torch.manual_seed(1)
    found = network.train()(x)
    torch.manual_seed(1)
    expected = network.head(network.feature_dropout(network.trunk(x)))
    assert torch.equal(found, expected)
    assert not torch.equal(found, plain.train()(x))
    network.load_state_dict(plain.state_dict())  # with the means of its batch normalisation
    assert torch.equal(network.eval()(x), plain.eval()(x))


@pytest.mark.parametrize("probability", [-0.1, 1.0])
def test_refuses_a_probability(probability: float) -> None:
    with pytest.raises(ValueError, match=rf"`probability` in \[0, 1\), got {probability}"):
        DropBlock((4, 7, 7), probability)


@pytest.mark.parametrize("size", [0, 2, 5, -1])
def test_refuses_a_block_that_is_even_or_larger_than_the_map(size: int) -> None:
    with pytest.raises(ValueError, match=f"`block_size` odd and from 1 to the feature map's 4, got {size}"):
        DropBlock((8, 4, 6), 0.1, size)


def test_a_network_refuses_blocks_that_do_not_fit_its_trunks_map() -> None:
    with pytest.raises(ValueError, match=r"`block_size` odd and from 1 to the feature map's 2, got 7"):
        FaceNet(VGG16Trunk(0.125), PooledHead, image_size=32, feature_dropout=DropBlock)

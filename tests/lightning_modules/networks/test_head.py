"""Heads: published parameter counts, where dropout acts, and injection from a config."""

from collections.abc import Callable
from typing import Literal

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from lightning_modules.networks import PooledHead, VGG16Head


def test_published_parameter_counts() -> None:
    with torch.device("meta"):
        head = VGG16Head((512, 14, 14))
    counts = {name: sum(p.numel() for p in head.get_submodule(name).parameters()) for name in ("fc6", "fc7")}
    assert counts == {"fc6": 102_764_544, "fc7": 16_781_312}
    assert sum(p.numel() for p in head.parameters()) == sum(counts.values())


def test_embedding_is_relu_of_fc7_in_evaluation() -> None:
    head, x = VGG16Head((4, 6, 7), embedding_dim=16, hidden_dim=8).eval(), torch.randn(3, 4, 6, 7)
    fc6 = head.fc6(nn.functional.max_pool2d(x, 2).flatten(1)).relu()
    assert_close(head(x), head.fc7(fc6).relu())


def test_dropout_precedes_the_classifier_in_training() -> None:
    dropped = VGG16Head((4, 4, 4), embedding_dim=512, dropout=0.75).train()(torch.randn(4, 4, 4, 4))
    kept = VGG16Head((4, 4, 4), embedding_dim=512, dropout=0.0).train()(torch.randn(4, 4, 4, 4))
    assert (kept == 0).float().mean() < 0.6  # the ReLU's share
    assert (dropped == 0).float().mean() > 0.75


def test_batch_norm_variant() -> None:
    head = VGG16Head((4, 4, 4), embedding_dim=8, batch_norm=True)
    assert head(torch.randn(4, 4, 4, 4)).shape == (4, 8)
    assert sum(isinstance(m, nn.BatchNorm1d) for m in head.modules()) == 2


def test_pooled_head_normalises_over_the_batch() -> None:
    embeddings = PooledHead((4, 3, 3), embedding_dim=8)(torch.randn(64, 4, 3, 3))
    assert_close(embeddings.mean(0), torch.zeros(8), atol=1e-5, rtol=0)
    assert_close(embeddings.var(0, correction=0), torch.ones(8), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("pool", "in_features"), [("flatten", 36), ("average", 4)])
def test_pooled_head_flattens_or_averages(pool: Literal["flatten", "average"], in_features: int) -> None:
    head = PooledHead((4, 3, 3), embedding_dim=8, pool=pool)
    assert head.linear.in_features == in_features
    x = torch.randn(2, 4, 3, 3)
    moved = x.roll(1, dims=3)
    assert torch.allclose(head.eval()(x), head(moved), atol=1e-6) == (pool == "average")


@pytest.mark.parametrize("build", [VGG16Head, PooledHead])
def test_single_image_in_evaluation(build: Callable[[tuple[int, int, int]], nn.Module]) -> None:
    assert build((2, 2, 2)).eval()(torch.randn(1, 2, 2, 2)).shape[0] == 1


def test_config_injects_a_head_without_its_feature_shape() -> None:
    from jsonargparse import ArgumentParser

    parser = ArgumentParser()
    parser.add_argument("--head", type=Callable[[tuple[int, int, int]], nn.Module])
    settings = {"class_path": "lightning_modules.networks.VGG16Head", "init_args": {"embedding_dim": 32}}
    head = parser.instantiate(parser.parse_object({"head": settings})).head((8, 4, 4))
    assert isinstance(head, VGG16Head)
    assert head.fc7.out_features == 32


def test_refuses_a_map_too_small_to_pool() -> None:
    with pytest.raises(ValueError, match="at least 2 × 2 for pool5"):
        VGG16Head((512, 1, 2))


def test_refuses_unknown_pooling() -> None:
    with pytest.raises(ValueError, match='`pool` "flatten" or "average"'):
        PooledHead((4, 3, 3), pool="max")  # type: ignore[arg-type]  # the refusal under test


@pytest.mark.parametrize("head", [PooledHead, VGG16Head])
@pytest.mark.parametrize("dim", [0, -4])
def test_an_embedding_has_dimensions(head: Callable[..., nn.Module], dim: int) -> None:
    with pytest.raises(ValueError, match=f"Expected `embedding_dim` of at least 1, got {dim}"):
        head((4, 4, 4), embedding_dim=dim)


def test_the_hidden_layer_has_dimensions() -> None:
    with pytest.raises(ValueError, match="Expected `hidden_dim` of at least 1, got 0"):
        VGG16Head((4, 4, 4), embedding_dim=8, hidden_dim=0)


@pytest.mark.parametrize("dropout", [1.0, -0.1, float("nan")])
@pytest.mark.parametrize("head", [PooledHead, VGG16Head])
def test_dropout_leaves_something(head: Callable[..., nn.Module], dropout: float) -> None:
    with pytest.raises(ValueError, match=r"Expected `dropout` in \[0, 1\), got"):
        head((4, 4, 4), embedding_dim=8, dropout=dropout)

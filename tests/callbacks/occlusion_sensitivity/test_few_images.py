"""Of few images windows have fewer sizes, and say the same."""

import numpy as np
import pytest
import torch
from torch import nn

from callbacks.occlusion_sensitivity import plan
from callbacks.occlusion_sensitivity.engine import Incremental
from callbacks.occlusion_sensitivity.few_images import regrouped
from callbacks.occlusion_sensitivity.occluded_embeddings import OccludedEmbedder
from callbacks.occlusion_sensitivity.trace import trace

SIDE, OCCLUDER, STRIDE = 36, 9, 5


@pytest.fixture(autouse=True)
def windows_of_every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let plans for many images keep every size apart, as those of large networks do."""
    monkeypatch.setattr(plan, "CHUNK_COST", {"cpu": 0.0, "cuda": 0.0})


def network() -> nn.Module:
    """Return one whose windows have many sizes: strides, a pooling and a shortcut."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 1, 1),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, 2, 1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, 1, 1),
        nn.Flatten(),
        nn.Linear(8 * 81, 5),
    ).eval()


def embedder(images: int | None) -> OccludedEmbedder:
    """Return what embeds, for so many images or for any number."""
    few = {} if images is None else {"few_images": images}
    example = torch.zeros(1, 3, SIDE, SIDE)
    size = (OCCLUDER, OCCLUDER)
    return OccludedEmbedder(network(), example, occluder_size=size, fill=0.5, stride=STRIDE, **few)  # type: ignore[arg-type]  # of the setting


def sizes(embed: OccludedEmbedder) -> int:
    """Return the number of classes of windows at the centres in use."""
    assert isinstance(embed._evaluator, Incremental)
    rows, columns = embed._evaluator.network.plan.classes
    return len(set(rows[embed.rows].tolist())) * len(set(columns[embed.columns].tolist()))


@pytest.mark.parametrize("images", [1, 2])
def test_embeddings_are_those_of_whole_pictures(images: int) -> None:
    faces = torch.rand(images, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    few, dense = (
        embedder(images),
        OccludedEmbedder(
            network(), faces[:1], occluder_size=(OCCLUDER, OCCLUDER), fill=0.5, stride=STRIDE, method="dense"
        ),
    )
    found, expected = few(faces), dense(faces)
    assert torch.allclose(found.occluded, expected.occluded, atol=1e-5)
    assert torch.allclose(few.renewed()(faces).occluded, found.occluded, atol=1e-6)


def test_few_images_have_fewer_sizes_than_many_and_those_in_use_alone_count() -> None:
    assert sizes(embedder(1)) == 1
    assert sizes(embedder(None)) > 4


@pytest.mark.parametrize("cost", [0.0, 1e5, 1e12])
def test_every_window_holds_what_it_held_before(cost: float) -> None:
    embed = embedder(None)
    assert isinstance(embed._evaluator, Incremental)
    given = embed._evaluator.network.plan
    used = [embed.rows.numpy(), embed.columns.numpy()]
    again = regrouped(given, used, cost)
    for axis in (0, 1):
        for layer in given.layers:
            before, after = given.spans[axis][layer.node], again.spans[axis][layer.node]
            assert (after.start <= before.start).all()
            assert (after.stop >= before.stop).all()
            assert (after.start >= 0).all()
            assert len({*zip(again.classes[axis][used[axis]], after.size[used[axis]], strict=True)}) == len(
                {*again.classes[axis][used[axis]]}
            )


@pytest.mark.parametrize("cost", [1e5, 1e7])
def test_windows_of_a_class_have_one_size_also_in_the_map_that_is_shared(cost: float) -> None:
    example, centres = torch.zeros(2, 3, SIDE, SIDE), np.arange(SIDE)
    given = plan.make_plan(trace(network(), example), (OCCLUDER, OCCLUDER))
    again = regrouped(given, [centres, centres], cost)
    assert given.shared is not None
    for node in (given.shared, *(layer.node for layer in given.layers)):
        for axis in (0, 1):
            found = {*zip(again.classes[axis], again.spans[axis][node].size, strict=True)}
            assert len(found) == len({*again.classes[axis]})


def test_what_is_at_work_does_not_disturb_another_of_the_same_plan() -> None:
    faces = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    embed = embedder(1)
    alone = embed.renewed()(faces[:1]).occluded
    (found, steps), (_, other_steps) = embed.renewed().begun(faces[:1]), embed.renewed().begun(faces[1:])
    for _ in steps:
        next(other_steps, None)
    assert torch.equal(found.occluded, alone)

"""Mining: the triplets of three nested loops, for every strategy, in blocks of any size."""

from collections.abc import Iterator
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from losses import Strategy, active_share, batch_triplet_loss, mine_triplets, mining, triplet_loss

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
Triplet = tuple[int, int, int]


def all_triplets(z: Tensor, identities: Tensor) -> Iterator[tuple[Triplet, float, float]]:
    """Every triplet with d_ap and d_an, by three loops."""
    points, labels = z.tolist(), identities.tolist()

    def distance(i: int, j: int) -> float:
        return float(sum((a - b) ** 2 for a, b in zip(points[i], points[j], strict=True)))

    for a in range(len(labels)):
        for p in range(len(labels)):
            for n in range(len(labels)):
                if a != p and labels[a] == labels[p] and labels[a] != labels[n]:
                    yield (a, p, n), distance(a, p), distance(a, n)


def slowly(z: Tensor, identities: Tensor, margin: float, strategy: Strategy) -> set[Triplet]:
    found = list(all_triplets(z, identities))
    if strategy == "all":
        return {t for t, _, _ in found}
    if strategy == "all_violating":
        return {t for t, d_ap, d_an in found if d_an < d_ap + margin}
    if strategy == "hardest":
        hardest: dict[int, tuple[tuple[float, float], Triplet]] = {}
        for (a, p, n), d_ap, d_an in found:
            hardest[a] = max(hardest.get(a, ((-1.0, 0.0), (0, 0, 0))), ((d_ap, -d_an), (a, p, n)))
        return {t for _, t in hardest.values()}
    semi_hard = [(t, d_an) for t, d_ap, d_an in found if d_ap < d_an < d_ap + margin]
    if strategy == "all_semi_hard":
        return {t for t, _ in semi_hard}
    closest: dict[tuple[int, int], tuple[float, Triplet]] = {}
    for (a, p, n), d_an in semi_hard:
        closest[a, p] = min(closest.get((a, p), (float("inf"), (0, 0, 0))), (d_an, (a, p, n)))
    return {t for _, t in closest.values()}


def batch(seed: int, sizes: list[int], *, spread: float = 0.8) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    identities = torch.repeat_interleave(torch.tensor(sizes))
    identities = identities[torch.randperm(len(identities), generator=generator)]
    centres = torch.randn(len(sizes), 3, generator=generator, dtype=torch.float64)
    noise = torch.randn(len(identities), 3, generator=generator, dtype=torch.float64)
    return normalize(centres[identities] + spread * noise), identities


@pytest.mark.parametrize("block", [1, 40, 1 << 22])
@pytest.mark.parametrize("sizes", [[4, 4, 4], [1, 5, 2, 1], [2, 2], [1, 1, 1], [6]], ids=str)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_finds_the_triplets_of_three_loops(
    strategy: Strategy, sizes: list[int], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mining, "BLOCK", block)
    for seed in range(3):
        z, identities = batch(seed, sizes)
        found = list(
            zip(*(i.tolist() for i in mine_triplets(z, identities, margin=0.3, strategy=strategy)), strict=True)
        )
        assert len(set(found)) == len(found)
        assert set(found) == slowly(z, identities, 0.3, strategy)


def test_these_batches_tell_the_strategies_apart() -> None:
    z, identities = batch(0, [4, 4, 4])
    found = {strategy: frozenset(slowly(z, identities, 0.3, strategy)) for strategy in STRATEGIES}
    assert len(set(found.values())) == len(STRATEGIES)
    assert all(found.values())


def test_golden_semi_hard_triplet() -> None:
    z = torch.tensor([[0.0], [1.0], [0.5], [1.1], [1.2], [9.0]])
    identities = torch.tensor([0, 0, 1, 2, 3, 4])
    # from 0: d_ap = 1; negatives at 0.25 (too close), 1.21, 1.44 (both within the margin), 81. From 1: none within.
    anchor, positive, negative = mine_triplets(z, identities, margin=0.5)
    assert (anchor.tolist(), positive.tolist(), negative.tolist()) == ([0], [1], [3])


def test_bounds_are_strict() -> None:
    z = torch.tensor([[0.0], [1.0], [-1.0], [-2.0]])  # from 0: d_ap = 1, d_an = 1 and 4
    identities = torch.tensor([0, 0, 1, 2])
    for strategy in ("semi_hard", "all_semi_hard"):
        assert 0 not in mine_triplets(z, identities, margin=3.0, strategy=strategy).anchor
        assert mine_triplets(z, identities, margin=3.1, strategy=strategy).negative.tolist()[0] == 3


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_moved_and_turned_batch_has_the_same_triplets(strategy: Strategy) -> None:
    z, identities = batch(1, [3, 3, 3])
    turn, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    here, there = (mine_triplets(x, identities, margin=0.3, strategy=strategy) for x in (z, z @ turn + 7))
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_names_of_identities_do_not_matter(strategy: Strategy) -> None:
    z, identities = batch(1, [3, 3, 3])
    here, there = (mine_triplets(z, i, margin=0.3, strategy=strategy) for i in (identities, 1000 - 7 * identities))
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


def test_without_mining_the_statistics_are_those_of_all_pairs() -> None:
    z, identities = batch(2, [4, 4, 4])
    triplets = mine_triplets(z, identities, margin=0.5, strategy="all")
    same = identities[:, None] == identities
    distances = torch.cdist(z, z).square()
    d_ap, d_an = distances[same & ~torch.eye(12, dtype=torch.bool)], distances[~same]
    expected = 0.3 * (d_ap.mean() - d_an.mean() + 0.5) + 0.7 * (d_ap.var(correction=0) + d_an.var(correction=0))
    torch.testing.assert_close(batch_triplet_loss(*(z[index] for index in triplets)), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_changes_nothing(dtype: torch.dtype) -> None:
    z, identities = batch(3, [4, 4, 4])
    z = z.float()
    expected = mine_triplets(z, identities, margin=0.3, strategy="all_semi_hard")
    with torch.autocast("cpu", dtype=dtype):
        found = mine_triplets(z, identities, margin=0.3, strategy="all_semi_hard")
        loss = triplet_loss(*(z[index] for index in found), margin=0.3)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert loss.dtype == torch.float32
    assert loss.isfinite()


def test_mining_leaves_no_graph_and_the_embeddings_as_they_were() -> None:
    z, identities = batch(3, [4, 4, 4])
    kept = z.clone()
    z.requires_grad_()
    for strategy in STRATEGIES:
        mine_triplets(z, identities, margin=0.3, strategy=strategy)
    assert torch.equal(z, kept)
    assert z.grad is None


def test_loss_of_mined_triplets_has_the_right_gradient() -> None:
    z, identities = batch(4, [3, 3])

    def loss(x: Tensor) -> Tensor:
        return triplet_loss(
            *(x[index] for index in mine_triplets(x, identities, margin=0.3, strategy="all_violating")), margin=0.3
        )

    assert torch.autograd.gradcheck(loss, z.requires_grad_())


@pytest.mark.parametrize("block", [1, 1 << 22])
def test_active_share_is_that_of_three_loops(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mining, "BLOCK", block)
    for seed in range(3):
        z, identities = batch(seed, [1, 5, 3, 2])
        found = list(all_triplets(z, identities))
        active = [d_an < d_ap + 0.3 for _, d_ap, d_an in found]
        assert active_share(z, identities, margin=0.3).item() == pytest.approx(sum(active) / len(active))


def test_no_triplets_have_no_active_share() -> None:
    z, _ = batch(0, [3])
    assert active_share(z, torch.arange(3), margin=0.3).isnan()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("size", [0, 1])
def test_batches_of_next_to_nothing_have_no_triplets(strategy: Strategy, size: int) -> None:
    found = mine_triplets(torch.zeros(size, 3), torch.zeros(size, dtype=torch.long), margin=0.3, strategy=strategy)
    assert [len(index) for index in found] == [0, 0, 0]
    assert all(index.dtype == torch.long for index in found)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_refuses_embeddings_that_are_not_finite(bad: float) -> None:
    z, identities = batch(0, [2, 2])
    z[1, 2] = z[3, 0] = bad
    for mined in (mine_triplets, active_share):
        with pytest.raises(ValueError, match="NaN or infinity in 2 of 4"):
            mined(z, identities, margin=0.3)


@pytest.mark.parametrize(
    ("z", "identities", "message"),
    [
        pytest.param(torch.zeros(3), torch.zeros(3, dtype=torch.long), r"embeddings \(B, D\)", id="not-2d"),
        pytest.param(torch.zeros(3, 2), torch.zeros(2, dtype=torch.long), r"B identities", id="numbers-differ"),
        pytest.param(torch.zeros(3, 2).long(), torch.zeros(3, dtype=torch.long), "floating-point", id="integers"),
        pytest.param(torch.zeros(3, 2), torch.zeros(3), "`identities` as integers", id="float-identities"),
    ],
)
def test_refuses_other_batches(z: Tensor, identities: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mine_triplets(z, identities, margin=0.3)


def test_refuses_settings() -> None:
    z, identities = batch(0, [2, 2])
    with pytest.raises(ValueError, match=r"`strategy` of semi_hard, all_semi_hard, .*, got 'easy'"):
        mine_triplets(z, identities, margin=0.3, strategy="easy")  # type: ignore[arg-type]  # what is tested
    for margin in (0.0, -0.5, float("nan")):
        with pytest.raises(ValueError, match=r"`margin` \(α\) above 0"):
            mine_triplets(z, identities, margin=margin)

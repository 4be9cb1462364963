"""Order of samples: a function of seed and epoch, the same for any number of processes."""

from datamodules.sampler import EpochSampler


def order(seed: int, epoch: int, *, world_size: int = 1, rank: int = 0) -> list[tuple[int, int]]:
    sampler = EpochSampler(range(12), world_size=world_size, rank=rank, seed=seed)
    sampler.set_epoch(epoch)
    return [(draw.epoch, draw.position) for draw in sampler]


def test_every_sample_is_drawn_once_in_its_epoch() -> None:
    assert sorted(order(0, 5)) == [(5, position) for position in range(12)]


def test_order_changes_with_seed_and_epoch_alone() -> None:
    assert order(0, 1) == order(0, 1)
    positions = {tuple(position for _, position in order(*key)) for key in ((0, 0), (0, 1), (1, 0))}
    assert len(positions) == 3


def test_processes_share_the_order_of_one() -> None:
    parts = [order(3, 2, world_size=3, rank=rank) for rank in range(3)]
    assert [part[i] for i in range(4) for part in parts] == order(3, 2)


def test_what_cannot_be_shared_equally_is_repeated_or_left_out() -> None:
    whole = [draw.position for draw in EpochSampler(range(7), seed=1)]
    for drop_last, expected in ((False, [*whole, whole[0]]), (True, whole[:6])):
        parts = [EpochSampler(range(7), world_size=2, rank=r, seed=1, drop_last=drop_last) for r in range(2)]
        pairs = zip(*([draw.position for draw in part] for part in parts), strict=True)
        assert [position for pair in pairs for position in pair] == expected

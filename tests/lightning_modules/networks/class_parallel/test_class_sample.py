"""Which classes a step looks at: those of the batch always, others by the generator alone."""

import pytest
import torch

from lightning_modules.networks.class_parallel.class_sample import ClassSample, all_classes, sampled_classes
from lightning_modules.networks.class_parallel.class_shard import ClassShard

IDENTITIES = torch.tensor([7, 2, 90, 7, 55])


def sample(rate: float, *, rank: int = 0, processes: int = 1, seed: int = 0) -> ClassSample:
    shard = ClassShard(100, processes, rank)
    return sampled_classes(IDENTITIES, shard, rate, torch.Generator().manual_seed(seed))


def test_classes_of_the_batch_are_in_every_sample_and_found_at_their_column() -> None:
    for rate in (0.01, 0.1, 0.5, 1.0):
        found = sample(rate)
        assert found.chosen is not None
        assert found.chosen[found.column].tolist() == IDENTITIES.tolist()
        assert len(torch.unique(found.chosen)) == len(found.chosen) == max(4, round(100 * rate))


def test_processes_agree_on_targets_and_each_samples_its_own_classes() -> None:
    parts = [sample(0.1, rank=rank, processes=3) for rank in range(3)]  # shares of 34, 34 and 32
    assert {part.width for part in parts} == {3}
    for part in parts[1:]:
        assert torch.equal(part.target, parts[0].target)
    everything = torch.cat([34 * rank + part.chosen for rank, part in enumerate(parts) if part.chosen is not None])
    assert everything[parts[0].target].tolist() == IDENTITIES.tolist()


def test_the_last_process_gives_all_that_it_has_where_that_is_less() -> None:
    shard = ClassShard(7, 3, 2)  # one class
    found = sampled_classes(torch.tensor([0, 1, 2]), shard, 0.1, torch.Generator())
    assert found.width == 3
    assert found.chosen is not None
    assert found.chosen.tolist() == [0]


def test_a_sample_is_a_function_of_its_generators_seed() -> None:
    first, same, other = sample(0.2), sample(0.2), sample(0.2, seed=1)
    assert first.chosen is not None
    assert same.chosen is not None
    assert other.chosen is not None
    assert torch.equal(first.chosen, same.chosen)
    assert not torch.equal(first.chosen, other.chosen)


def test_every_other_class_is_as_likely() -> None:
    generator, counts = torch.Generator().manual_seed(0), torch.zeros(20)
    for _ in range(500):
        index = sampled_classes(torch.tensor([3]), ClassShard(20), 0.5, generator).chosen
        assert index is not None
        counts[index] += 1
    assert counts[3] == 500
    others = torch.cat([counts[:3], counts[4:]]) / 500
    assert others.sub(9 / 19).abs().max() < 0.1


def test_at_a_rate_of_one_the_target_is_the_identity() -> None:
    for processes in (1, 3, 7):
        assert torch.equal(all_classes(IDENTITIES, ClassShard(100, processes)).target, IDENTITIES)


@pytest.mark.parametrize(("classes", "processes"), [(1, 2), (4, 3), (2, 5)])
def test_classes_that_leave_a_process_without_any_are_refused(classes: int, processes: int) -> None:
    with pytest.raises(
        ValueError, match=f"Expected classes for each of {processes} processes .* got {classes} classes"
    ):
        ClassShard(classes, processes).check()

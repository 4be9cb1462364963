"""The learning rate's rise and fall."""

import pytest
import torch

from lightning_modules import WarmupCosine


def rates(total_steps: int, warmup_share: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = WarmupCosine(optimizer, total_steps, warmup_share)
    seen = []
    for _ in range(total_steps):
        seen.append(float(schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    return seen


def test_golden_values() -> None:
    # 1/3, 2/3; then (1 + cos(pi k / 4)) / 2 for k = 0 to 3
    expected = [1 / 3, 2 / 3, 1.0, 0.853553, 0.5, 0.146447]
    assert rates(6, 1 / 3) == pytest.approx(expected, abs=1e-6)


def test_without_warmup_starts_at_the_full_rate() -> None:
    assert rates(4, 0.0) == pytest.approx([1.0, 0.853553, 0.5, 0.146447], abs=1e-6)


def test_a_run_of_one_step_learns() -> None:
    assert rates(1, 0.1)[0] > 0.5


def test_falls_once_it_has_risen() -> None:
    seen = rates(50, 0.2)
    peak = seen.index(max(seen))
    assert peak == 10
    assert seen == sorted(seen[:peak]) + sorted(seen[peak:], reverse=True)


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0])
def test_refuses_share(share: float) -> None:
    with pytest.raises(ValueError, match=r"`warmup_share` in \[0, 1\), got"):
        rates(4, share)

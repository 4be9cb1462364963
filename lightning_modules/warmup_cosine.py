"""Learning-rate schedules that need to know the length of the run."""

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

LRScheduleCallable = Callable[[Optimizer, int], LRScheduler]
"""Makes a scheduler, stepped every batch, from the optimizer and the run's number of steps."""


class WarmupCosine(LambdaLR):
    """Raise the rate linearly from 0, then lower it to 0 along half a cosine.

    Args:
        optimizer: Whose rates are scheduled.
        total_steps: Number of optimizer steps of the run.
        warmup_share: Share of the steps that the rise takes, in ``[0, 1)``.

    Raises:
        ValueError: If ``warmup_share`` lies outside ``[0, 1)``.
    """

    def __init__(self, optimizer: Optimizer, total_steps: int, warmup_share: float = 0.1) -> None:
        if not 0.0 <= warmup_share < 1.0:
            raise ValueError(f"Expected `warmup_share` in [0, 1), got {warmup_share}")
        warmup = warmup_share * total_steps

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / (warmup + 1)
            return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(total_steps - warmup, 1)))

        super().__init__(optimizer, factor)

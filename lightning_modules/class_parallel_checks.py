"""Settings and trainers that class-parallel training is refused with, each in one line."""

from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import GradientAccumulationScheduler
from pytorch_lightning.strategies import DDPStrategy
from torch import nn

from lightning_modules.class_parallel_strategy import ClassParallelStrategy
from lightning_modules.networks.class_parallel import check_classes


def check_sampling(class_parallel: bool, sampling_rate: float) -> None:
    """Refuse a sampling rate that is none.

    Raises:
        ValueError: If it is not in (0, 1], or below 1 without ``class_parallel``.
    """
    if not 0.0 < sampling_rate <= 1.0:
        raise ValueError(f"Expected `sampling_rate` above 0 and at most 1, got {sampling_rate}")
    if sampling_rate < 1.0 and not class_parallel:
        raise ValueError(f"Expected `class_parallel` with a `sampling_rate` below 1, got {sampling_rate} without it")


def check_processes(trainer: Trainer, layer: nn.Module, sampling_rate: float) -> None:
    """Refuse a trainer whose processes cannot share out the classes of a layer.

    Raises:
        MisconfigurationException: If there are more processes than classes can be shared out over, the layer is of
            another kind, or the trainer is of a kind that would leave the processes with different weights.
    """
    try:
        check_classes(layer, trainer.world_size)
    except ValueError as error:
        raise MisconfigurationException(str(error)) from error
    if sampling_rate < 1.0 and (most := _accumulated(trainer)) > 1:
        raise refused(
            "`trainer.accumulate_grad_batches` of 1 with a `sampling_rate` below 1",
            f"{most}: each batch has other classes",
        )
    if trainer.world_size == 1:
        return
    if type(trainer.strategy) not in (DDPStrategy, ClassParallelStrategy):  # what stands on DDP does more, as DeepSpeed
        raise refused("`trainer.strategy` ddp with `class_parallel`", type(trainer.strategy).__name__)
    if trainer.precision == "16-mixed":  # a process whose gradients are too large would leave out a step alone
        raise refused("`trainer.precision` bf16-mixed or 32-true with `class_parallel`", "16-mixed")


def _accumulated(trainer: Trainer) -> int:
    """Return how many batches make a step at most, in whichever epoch."""
    schedules = [one.scheduling for one in trainer.callbacks if isinstance(one, GradientAccumulationScheduler)]  # type: ignore[attr-defined]  # of all trainers
    return max(trainer.accumulate_grad_batches, *(most for schedule in schedules for most in schedule.values()), 1)


def refused(expected: str, got: str = "") -> MisconfigurationException:
    """Return the error that says what was expected and what came; of one word, as it is."""
    return MisconfigurationException(f"Expected {expected}, got {got}" if got else expected)

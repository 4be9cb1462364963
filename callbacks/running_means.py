"""Means over a training epoch's batches, as far as they are: Lightning forgets them where a training is cut off."""

from collections.abc import Mapping
from typing import Any, TypedDict

from pytorch_lightning import Trainer
from torch import Tensor


class Running(TypedDict):
    """A mean over batches until now."""

    name: str
    """As it was logged."""
    value: Tensor
    """Sum of the values, each times its batch's size."""
    weight: int
    """Sum of the batches' sizes."""


def running_means(trainer: Trainer) -> dict[str, Running]:
    """Return what the training epoch in progress has summed up, by Lightning's key for each logged mean."""
    return {
        key: Running(name=one.meta.name, value=one.value.detach().cpu().clone(), weight=int(one.cumulated_batch_size))
        for key, one in _results(trainer).items()
        if one.is_tensor and one.meta.is_mean_reduction and one.meta.on_epoch and not one.has_reset
    }


def go_on(trainer: Trainer, before: Mapping[str, Running]) -> dict[str, Running]:
    """Add earlier sums to those of the training epoch in progress, and return those that it has not logged yet."""
    results = _results(trainer)
    for key, earlier in before.items():
        if key in results and not results[key].has_reset and trainer.is_global_zero:
            mean = results[key]
            mean.value = mean.value + earlier["value"].to(mean.value.device)
            mean.cumulated_batch_size = mean.cumulated_batch_size + earlier["weight"]
            mean._computed = None
    return {key: earlier for key, earlier in before.items() if key not in results or results[key].has_reset}


def _results(trainer: Trainer) -> Mapping[str, Any]:
    return trainer.fit_loop.epoch_loop._results

"""What Lightning leaves out of a checkpoint, or misreads in one, that was saved inside an epoch."""

from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor


def accumulated_gradients(module: LightningModule) -> dict[str, Tensor]:
    """Return what several batches that make one step have added up so far, by parameter; nothing between steps.

    Of several processes, which have added up different ones, the mean: that is what a step takes. All must call it.
    """
    trainer = module.trainer
    if not trainer.training or not trainer.fit_loop._should_accumulate():
        return {}
    gradients = {name: weight.grad for name, weight in module.named_parameters() if weight.grad is not None}
    return {name: torch.as_tensor(trainer.strategy.reduce(gradient.clone())) for name, gradient in gradients.items()}


def put_back(module: LightningModule, gradients: dict[str, Tensor]) -> None:
    """Give the parameters the gradients of a checkpoint, from where the training goes on adding."""
    for name, weight in module.named_parameters():
        if name in gradients:
            weight.grad = gradients[name].to(weight.device, weight.dtype)


def at_epoch_start(checkpoint: dict[str, Any]) -> None:
    """Let a checkpoint that was saved when an epoch began, before its first batch, be that of the end of the last."""
    progress = checkpoint.get("loops", {}).get("fit_loop", {}).get("epoch_progress", {})
    for counted in progress.values():
        counted["ready"] = min(counted["ready"], counted["started"])


def count_epochs(trainer: Trainer) -> None:
    """Let a training with ``max_steps`` that was saved at the end of an epoch begin the next.

    Lightning 2.6 believes that it was saved inside that epoch, and leaves out the next.
    """
    trainer.fit_loop._iteration_based_training = lambda: False  # type: ignore[method-assign]

"""What Lightning leaves out of a checkpoint, or misreads in one, that was saved inside an epoch."""

from typing import Any, Literal

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor
from torch.distributed.tensor import DTensor


def accumulated_gradients(module: LightningModule) -> dict[str, Tensor]:
    """Return what several batches that make one step have added up so far, by parameter; nothing between steps.

    Of several processes, which have added up different ones, the mean: that is what a step takes; of what they share
    out, each its own. All must call it.
    """
    trainer = module.trainer
    if not trainer.training or not trainer.fit_loop._should_accumulate():
        return {}
    gradients = {name: weight.grad for name, weight in module.named_parameters() if weight.grad is not None}
    return {
        name: grad.clone() if isinstance(grad, DTensor) else torch.as_tensor(trainer.strategy.reduce(grad.clone()))
        for name, grad in gradients.items()
    }


def put_back(module: LightningModule, gradients: dict[str, Tensor]) -> None:
    """Give the parameters the gradients of a checkpoint, to which the resumed training adds."""
    for name, weight in module.named_parameters():
        if name in gradients:
            weight.grad = gradients[name].to(weight.device, weight.dtype)


def what_follows(trainer: Trainer) -> Literal["validation", "end of the epoch"] | None:
    """Return what is due before the next batch, where a checkpoint is saved at the end of one or in a validation."""
    loop = trainer.fit_loop.epoch_loop
    validated = loop.val_loop.batch_progress.total
    if trainer.validating and validated.completed != validated.ready:
        return "validation"
    batches = loop.batch_progress.total
    if not trainer.training or batches.completed != batches.processed - 1:  # type: ignore[attr-defined]  # of batches
        return None
    if trainer.fit_loop._data_fetcher is not None and loop._should_check_val_fx(trainer.fit_loop._data_fetcher):
        return "validation"
    return "end of the epoch" if loop._num_ready_batches_reached() else None


def amend(checkpoint: dict[str, Any]) -> None:
    """Change the counts of a checkpoint so that Lightning 2.6 resumes with what follows, and leaves out nothing.

    By itself it takes for done what was due after the batch at whose end a checkpoint was saved: a validation, and the
    end of the epoch with all that belongs to it; and where an epoch has begun without a batch, that epoch.
    """
    loops = checkpoint.get("loops", {}).get("fit_loop", {})
    for counted in loops.get("epoch_progress", {}).values():
        counted["ready"] = min(counted["ready"], counted["started"])
    follows = checkpoint.get("follows")
    if follows is None:
        return
    for name in ("total", "current"):
        counted = loops["epoch_loop.batch_progress"][name]
        counted["completed"] = counted["processed"]
    if follows == "validation":  # as if in its first batch
        validated = loops["epoch_loop.val_loop.batch_progress"]
        validated["total"] |= {"ready": 1, "started": 1, "processed": 0, "completed": 0}
        validated["current"] |= dict.fromkeys(validated["current"], 0)
    else:
        loops["epoch_loop.state_dict"]["_batches_that_stepped"] += 1


def count_epochs(trainer: Trainer) -> None:
    """Let a training with ``max_steps`` that was saved at the end of an epoch begin the next.

    Lightning 2.6 believes that it was saved inside that epoch, and leaves out the next.
    """
    trainer.fit_loop._iteration_based_training = lambda: False  # type: ignore[method-assign]

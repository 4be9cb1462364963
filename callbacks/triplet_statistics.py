"""What triplets a training learns from, and whether its embeddings collapse."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from datamodules.errors import DataError
from datamodules.seams.face_batch import FaceBatch
from lightning_modules.triplet_module import TripletModule
from losses import active_share, decidability

SMALLEST_SPREAD = 1e-4  # of embeddings of length 1, whatever they started with


class TripletStatistics(Callback):
    r"""Logs the distances of the mined triplets and reports a collapse in one line.

    Each an epoch's mean over batches, of the faces of all processes:

    ==========================  =====================================================================================
    ``train/mu_ap``, ``mu_an``  mean squared distances of the mined triplets' pairs, :math:`\mu_{ap}, \mu_{an}`
    ``train/var_ap``, …         their variances :math:`\sigma^2_{ap}, \sigma^2_{an}`
    ``train/decidability``      of those distances, Eq. 8
    ``train/triplets``          number of mined triplets
    ``train/without_triplets``  share of batches that had none, whose loss is 0
    ``train/active_share``      share of all triplets of the batch that violate the margin
    ``train/zero_loss_share``   the others
    ``train/spread``            mean squared distance of the embeddings to their mean: 1 is the most, 0 a single point
    ==========================  =====================================================================================

    Embeddings have collapsed when their spread has been below ``collapse_share`` of what the run began with for
    ``patience`` batches; a line then says so, and another at the end of the training.

    Source: Sáez Trigueros et al. (2018), section 3.2, https://arxiv.org/abs/1707.07923.

    Args:
        collapse_share: Share of the first batch's spread, in ``[0, 1)``.
        patience: Batches in succession, at least 1.

    Raises:
        ValueError: If a setting is out of range.
    """

    def __init__(self, *, collapse_share: float = 0.05, patience: int = 10) -> None:
        if not 0.0 <= collapse_share < 1.0:
            raise ValueError(f"Expected `collapse_share` in [0, 1), got {collapse_share}")
        if patience < 1:
            raise ValueError(f"Expected `patience` of at least 1, got {patience}")
        self.collapse_share = collapse_share
        self.patience = patience
        self._first_spread: float | None = None
        self._collapsed_for = 0
        self._collapsed_at: int | None = None
        self._batches = self._without = self._impossible = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse a module without triplets.

        Raises:
            ValueError: If it is no :class:`~lightning_modules.TripletModule`.
        """
        if not isinstance(pl_module, TripletModule):
            raise ValueError(f"Expected a module that mines triplets (TripletModule), got {type(pl_module).__name__}")

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count anew."""
        self._batches = self._without = self._impossible = 0

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: TripletModule,  # type: ignore[override]  # checked in setup
        outputs: Tensor | Mapping[str, Any] | None,
        batch: FaceBatch,
        batch_idx: int,
    ) -> None:
        """Log the batch's statistics.

        Raises:
            DataError: If embeddings are not finite: no spread would ever show their collapse.
        """
        if not isinstance(outputs, Mapping):
            return
        values = statistics(outputs, margin=pl_module.loss.margin)
        self._batches += 1
        self._without += not len(outputs["d_ap"])
        self._impossible += bool(values["active_share"].isnan())
        self._watch(trainer, float(values["spread"]))
        for name, value in values.items():
            if not value.isnan():  # of a batch that has none of them
                pl_module.log(
                    f"train/{name}", value.float(), on_step=False, on_epoch=True, batch_size=1, sync_dist=True
                )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say so where nothing could be learned."""
        if not self._batches or self._without < self._batches:
            return
        reason = (
            "no batch holds two faces of one identity and one of another: set `data.init_args.identity_batches`"
            if self._impossible == self._batches
            else "no triplet is what the strategy asks for"
        )
        rank_zero_info(f"No triplets in epoch {trainer.current_epoch}, nothing was learned: {reason}")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say once more that the run is worth nothing."""
        if self._collapsed_for >= self.patience:
            rank_zero_info(f"Collapsed: the embeddings fell together at step {self._collapsed_at} and have stayed so")

    def state_dict(self) -> dict[str, Any]:
        """Keep what a collapse is measured against."""
        return {"first_spread": self._first_spread}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what a checkpoint kept."""
        self._first_spread = state_dict["first_spread"]

    def _watch(self, trainer: Trainer, spread: float) -> None:
        if not math.isfinite(spread):
            found = "expected finite embeddings, got NaN or infinity"
            raise DataError(f"Epoch {trainer.current_epoch}, step {trainer.global_step}: {found}")
        if self._first_spread is None:
            self._first_spread = spread
        limit = max(self.collapse_share * self._first_spread, SMALLEST_SPREAD)
        self._collapsed_for = self._collapsed_for + 1 if spread < limit else 0
        if self._collapsed_for == self.patience:
            self._collapsed_at = trainer.global_step
            rank_zero_info(
                f"Collapsed at step {trainer.global_step}: the spread of the embeddings is {spread:.2g}, it was "
                f"{self._first_spread:.2g}; a lower learning rate, a lower β or milder triplets may prevent it"
            )


def statistics(outputs: Mapping[str, Any], *, margin: float) -> dict[str, Tensor]:
    """Return the statistics of a training step's batch; those of no triplets are NaN.

    Args:
        outputs: A :class:`~lightning_modules.TripletOutput`.
        margin: α of the loss.
    """
    d_ap, d_an, embedding = outputs["d_ap"], outputs["d_an"], outputs["embedding"]
    active = active_share(embedding, outputs["identity"], margin=margin)
    nothing = d_ap.new_full((), torch.nan)
    found = len(d_ap) > 0
    return {
        "mu_ap": d_ap.mean() if found else nothing,
        "mu_an": d_an.mean() if found else nothing,
        "var_ap": d_ap.var(correction=0) if found else nothing,
        "var_an": d_an.var(correction=0) if found else nothing,
        "decidability": decidability(d_ap, d_an) if found else nothing,
        # where the others are: processes on GPUs cannot add up what lies on a CPU
        "triplets": d_ap.new_tensor(float(len(d_ap))),
        "without_triplets": d_ap.new_tensor(float(not found)),
        "active_share": active,
        "zero_loss_share": 1 - active,
        "spread": (embedding - embedding.mean(0)).square().sum(1).mean(),
    }

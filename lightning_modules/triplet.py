"""Fine-tuning with triplets: models B (triplet loss) and C (batch triplet loss)."""

from typing import Any, TypedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from datamodules.batch import FaceBatch
from datamodules.errors import DataError
from lightning_modules.base import FaceModule
from lightning_modules.gather import gather_batch
from lightning_modules.networks import load_network_weights
from lightning_modules.outputs import StepOutput
from losses import DistanceLoss, Strategy, TripletLoss, mine_triplets, triplet_distances


class TripletOutput(TypedDict):
    """What a training step tells callbacks of the batch of all processes, :math:`B` faces and :math:`N` triplets."""

    loss: Tensor
    """Scalar."""
    embedding: Tensor
    """``(B, D)`` float32, L2-normalised."""
    identity: Tensor
    """``(B,)`` int64."""
    d_ap: Tensor
    """``(N,)``: squared distances of the mined triplets."""
    d_an: Tensor
    """``(N,)``."""


class TripletModule(FaceModule):
    """Trains all layers of a network so that L2-normalised embeddings of one person lie together.

    There is no classifier. Mining and loss see the embeddings of all processes, gathered with gradient, so that a run
    on several GPUs is that of one with the same batch. Batches must hold several faces of a person:
    ``data.init_args.identity_batches``.

    Source: Sáez Trigueros et al. (2018), sections 3.2 and 4.2, https://arxiv.org/abs/1707.07923.

    Args:
        network: Maps ``(B, C, H, W)`` images to ``(B, D)`` embeddings, or to an output that has some as
            ``embedding``, as SOIDN does.
        num_classes: Number of training identities.
        loss: Of the triplets' distances; its ``margin`` is the mining's too. :class:`losses.TripletLoss` by default.
        strategy: Which triplets are learned from, see :func:`losses.mine_triplets`.
        initial_weights: A checkpoint of this suite, of any module with the same network; its classifier is dropped.
        settings: See :class:`~lightning_modules.base.FaceModule`.

    Raises:
        ValueError: If the checkpoint's network is another one, naming the first mismatch, or there are fewer than two
            identities.
    """

    def __init__(
        self,
        network: nn.Module,
        num_classes: int,
        *,
        loss: DistanceLoss | None = None,
        strategy: Strategy = "semi_hard",
        **settings: Any,
    ) -> None:
        if num_classes < 2:
            raise ValueError(f"Expected at least 2 training identities, got {num_classes}: there is no negative")
        super().__init__(network, **settings)
        self.loss = loss or TripletLoss()
        self.strategy = strategy

    def forward(self, images: Tensor) -> Tensor:
        """Return L2-normalised float32 embeddings ``(B, D)`` of raw ``(B, 3, H, W)`` images."""
        output = self.network(self.pixels(images))
        features: Tensor = getattr(output, "embedding", output)
        return normalize(features.to(torch.promote_types(features.dtype, torch.float32)))

    def training_step(self, batch: FaceBatch, batch_idx: int) -> TripletOutput:
        """Return the loss of the mined triplets, and what callbacks may want to know of them.

        Raises:
            DataError: If features are not finite.
        """
        embeddings = gather_batch(self(batch["image"]))  # (B, D)
        identities = gather_batch(batch["identity"])  # (B,)
        self._check_finite(embeddings)
        triplets = mine_triplets(embeddings, identities, margin=self.loss.margin, strategy=self.strategy)
        d_ap, d_an = triplet_distances(embeddings, *triplets)  # (N,)
        loss = self.loss.from_distances(d_ap, d_an)
        self.log_losses("train", len(embeddings), loss=loss)
        return TripletOutput(
            loss=loss, embedding=embeddings.detach(), identity=identities, d_ap=d_ap.detach(), d_an=d_an.detach()
        )

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Return embeddings of other images of the training identities."""
        return StepOutput(embedding=self(batch["image"]))

    test_step = validation_step
    predict_step = validation_step

    def _check_finite(self, embeddings: Tensor) -> None:
        bad = int((~embeddings.isfinite().all(1)).sum())  # the same in every process: all of them stop
        if bad:
            raise DataError(
                f"Expected finite features, got NaN or infinity for {bad} of {len(embeddings)} faces at step "
                f"{self.global_step}: lower the learning rate, clip gradients, or train in bf16-mixed or 32-true"
            )

    def load_initial_weights(self, path: str) -> str:
        """Load the whole network; see :func:`lightning_modules.networks.load_network_weights`."""
        return load_network_weights(self.network, path)

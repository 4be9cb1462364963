"""Fine-tuning with triplets: models B (triplet loss) and C (batch triplet loss)."""

from typing import Any, ClassVar, TypedDict

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.utils.checkpoint import checkpoint

from datamodules.errors import DataError
from datamodules.seams.face_batch import FaceBatch
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
    """Trains all layers of a network so that L2-normalised embeddings of one identity lie together.

    There is no classifier. Mining and loss see the embeddings of all processes, gathered with gradient, so that a run
    on several GPUs is that of one with the same batch. Batches must hold several faces of an identity:
    ``data.init_args.identity_batches``.

    Triplets are those of a whole batch, and so are the means and variances of the batch triplet loss: gradients of
    smaller batches do not add up to a larger one's, and ``trainer.accumulate_grad_batches`` is refused. ``chunk_size``
    fits a larger batch into the same memory instead, for a second forward pass.

    Of a SOIDN, what makes the segmentation of the features is not trained, and said to be so: no loss depends on it.

    Source: Sáez Trigueros et al. (2018), sections 3.2 and 4.2, https://arxiv.org/abs/1707.07923.

    Args:
        network: Maps ``(B, C, H, W)`` images to ``(B, D)`` embeddings, or to an output that has some as
            ``embedding``, as SOIDN does.
        num_classes: Number of training identities.
        loss: Of the triplets' distances; its ``margin`` is the mining's too. :class:`losses.TripletLoss` by default.
        strategy: Which triplets are learned from, see :func:`losses.mine_triplets`.
        chunk_size: Images of a process that are in the network at once in training; ``None`` is all of them. What a
            chunk leaves for the backward pass is its embeddings: the rest is computed again, with the same dropout.
            Loss and gradients are those of the whole batch, to rounding.
        initial_weights: A checkpoint of this suite, of any module with the same network; its classifier is dropped. Or
            an IResNet's weights of others.
        settings: See :class:`~lightning_modules.base.FaceModule`.

    Raises:
        ValueError: If the checkpoint's network is another one, naming the first mismatch; if there are fewer than two
            identities; if ``chunk_size`` is below 1, or comes with batch normalisation, whose statistics would be a
            chunk's, and counted twice.
    """

    logged: ClassVar = {"train": ("loss",)}
    makes: ClassVar = dict.fromkeys(("val", "test"), ("embedding",))

    def __init__(
        self,
        network: nn.Module,
        num_classes: int,
        *,
        loss: DistanceLoss | None = None,
        strategy: Strategy = "semi_hard",
        chunk_size: int | None = None,
        **settings: Any,
    ) -> None:
        if num_classes < 2:
            raise ValueError(f"Expected at least 2 training identities, got {num_classes}: there is no negative")
        if chunk_size is not None:
            _check_chunks(network, chunk_size)
        super().__init__(network, **settings)
        self.loss = loss or TripletLoss()
        self.strategy = strategy
        self.chunk_size = chunk_size

    def on_fit_start(self) -> None:
        """Refuse the accumulation of gradients before anything is computed.

        Raises:
            MisconfigurationException: If they are accumulated.
        """
        super().on_fit_start()
        _check_accumulation(self.trainer.accumulate_grad_batches)

    def on_train_epoch_start(self) -> None:
        """Refuse it also where a callback begins with it in a later epoch.

        Raises:
            MisconfigurationException: If gradients are accumulated.
        """
        _check_accumulation(self.trainer.accumulate_grad_batches)

    def forward(self, images: Tensor) -> Tensor:
        """Return L2-normalised float32 embeddings ``(B, D)`` of raw ``(B, 3, H, W)`` images."""
        features: Tensor = self.learned_from(self.network(self.pixels(images)))
        return normalize(features.to(torch.promote_types(features.dtype, torch.float32)))

    def learned_from(self, output: Any) -> Any:
        """Return the embedding: nothing trains the segmentation of a SOIDN."""
        return getattr(output, "embedding", output)

    def training_step(self, batch: FaceBatch, batch_idx: int) -> TripletOutput:
        """Return the loss of the mined triplets, and what callbacks may want to know of them.

        Raises:
            DataError: If features are not finite.
        """
        embeddings = gather_batch(self._embed(batch["image"]))  # (B, D)
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
        embeddings: Tensor = self(batch["image"])
        self.results.add(batch, embeddings)
        return StepOutput(embedding=embeddings)

    test_step = validation_step
    predict_step = validation_step

    def _embed(self, images: Tensor) -> Tensor:
        if self.chunk_size is None:
            embeddings: Tensor = self(images)
            return embeddings
        chunks = torch.split(images, self.chunk_size)
        return torch.cat([checkpoint(self, chunk, use_reentrant=False) for chunk in chunks])

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


def _check_chunks(network: nn.Module, chunk_size: int) -> None:
    if chunk_size < 1:
        raise ValueError(f"Expected `chunk_size` of at least 1, got {chunk_size}")
    for name, layer in network.named_modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            raise ValueError(f"Expected a network without batch normalisation with `chunk_size`, got one in {name!r}")


def _check_accumulation(batches: int) -> None:
    if batches > 1:
        raise MisconfigurationException(
            f"Expected `trainer.accumulate_grad_batches` of 1, got {batches}: triplets are mined in one batch; for "
            "larger batches in the same memory set `model.init_args.chunk_size`"
        )

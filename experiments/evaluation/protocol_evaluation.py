"""A protocol's measures while a model is trained, at chosen epochs."""

import numpy as np
import torch
import torch.distributed as dist
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader, Subset

from callbacks.recognition.measure_names import COUNTS
from callbacks.row_collector import RowCollector
from datamodules.errors import DataError
from datamodules.face_samples import collate_faces
from datamodules.plain_faces import plain_faces
from datamodules.protocols import EvaluationProtocol
from datamodules.seams.face_batch import FaceBatch
from experiments.evaluation.protocol_measures import evaluate_protocol
from lightning_modules.networks.dry_run import evaluating


class ProtocolEvaluation(Callback):
    """Evaluates the model by a protocol and logs ``val/<protocol>/<condition>/<measure>``.

    The measures are those of ``experiments.evaluate``. Processes share the images. In YAML::

        class_path: experiments.evaluation.protocol_evaluation.ProtocolEvaluation
        init_args:
          protocol: {class_path: datamodules.protocols.lfw_pairs, init_args: {root: …, pairs: …}}
          every_n_epochs: 5

    Args:
        protocol: What is compared with what.
        every_n_epochs: Epochs between evaluations, ``None`` for the last epoch only.
        batch_size: Images a process embeds at once.

    Raises:
        ValueError: If a setting is out of range, or no faces are compared.
    """

    def __init__(self, protocol: EvaluationProtocol, *, every_n_epochs: int | None = 1, batch_size: int = 256) -> None:
        if min(1 if every_n_epochs is None else every_n_epochs, batch_size) < 1:
            raise ValueError(
                f"Expected `every_n_epochs` and `batch_size` of at least 1, got {every_n_epochs}, {batch_size}"
            )
        if not protocol.compares:
            raise ValueError(f"Expected a protocol that compares faces, got {protocol.name}, one of segmentation alone")
        self.protocol = protocol
        self.every_n_epochs = every_n_epochs
        self.batch_size = batch_size
        self._image_size = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse protocols of one name.

        Raises:
            DataError: If another of the run's callbacks evaluates by a protocol of the same name: their measures would
                be logged as one.
        """
        every = trainer.callbacks  # type: ignore[attr-defined]  # Lightning sets it late
        names = [callback.protocol.name for callback in every if isinstance(callback, ProtocolEvaluation)]
        if names.count(self.protocol.name) > 1:
            raise DataError(f"Expected protocols of different names, got {self.protocol.name!r} twice")

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: FaceBatch, batch_idx: int
    ) -> None:
        """Learn the size of the model's images."""
        self._image_size = batch["image"].shape[-1]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Embed the protocol's images and log its measures.

        Raises:
            DataError: If the module makes no embeddings, or some that are not finite: the first such image is named.
                All processes raise.
        """
        epochs = trainer.current_epoch + 1
        if epochs != trainer.max_epochs if self.every_n_epochs is None else epochs % self.every_n_epochs:
            return
        rows = self._embedded(pl_module)
        for condition, measures in evaluate_protocol(self.protocol, rows.numpy()).rows().items():
            for name, value in measures.items():
                if name not in COUNTS:
                    pl_module.log(f"val/{self.protocol.name}/{condition}/{name}", value, rank_zero_only=True)

    @torch.no_grad()
    def _embedded(self, pl_module: LightningModule) -> torch.Tensor:
        source = self.protocol.source
        dataset = plain_faces(source, np.arange(len(source)), self._image_size)
        rank, number = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        share = Subset(dataset, range(rank, len(dataset), number))
        collector = RowCollector()
        with evaluating(pl_module):
            for batch in DataLoader(share, batch_size=self.batch_size, collate_fn=collate_faces):
                embeddings = pl_module(batch["image"].to(pl_module.device))
                if embeddings.ndim != 2:
                    raise DataError(f"Expected a module that embeds faces, got {type(pl_module).__name__}")
                collector.update(batch, embeddings.float())
        rows = collector.gather()
        if rows is None:
            raise DataError(f"{self.protocol.name}: expected images, got none")
        return rows.value

"""Embeddings of the distinct images of a protocol, each computed once and kept."""

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from callbacks.row_collector import RowCollector, Rows
from datamodules.dataset import FaceDataset, collate_faces
from datamodules.errors import DataError
from datamodules.seams.face_batch import FaceBatch
from datamodules.shared_memory import check_shared_memory
from datamodules.sources import FaceSource, FixedLandmarks
from experiments.evaluation.embedding_cache import cached_rows
from experiments.evaluation.embedding_key import arithmetic, module_key
from experiments.launch import digest

Embeddings = NDArray[np.float32]


class Extraction(NamedTuple):
    """A module that embeds faces, and what its embeddings depend on."""

    module: LightningModule
    image_size: int
    name: str

    @property
    def key(self) -> str:
        """What tells embeddings apart, but for the device and precision: see :func:`~.embedding_key.module_key`."""
        return module_key(self.module, self.image_size)


class EmbeddingCollector(Callback):
    """Gathers what a prediction embeds, over all processes."""

    def __init__(self) -> None:
        self._rows = RowCollector()
        self.rows: Rows | None = None

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: FaceBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the batch's embeddings.

        Raises:
            DataError: If the module makes none.
        """
        if not isinstance(outputs, Mapping) or "embedding" not in outputs:
            raise DataError(f"Expected a module that embeds faces, got {type(pl_module).__name__}")
        self._rows.update(batch, outputs["embedding"].float())

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the processes' faces together."""
        self.rows = self._rows.gather()


def embed(
    extraction: Extraction,
    source: FaceSource,
    *,
    digests: Sequence[bytes] | None = None,
    cache: Path | None = None,
    batch_size: int = 256,
    num_workers: int = 0,
    trainer_options: Mapping[str, Any] | None = None,
) -> Embeddings:
    """Return the embeddings of all images of a source, ``(N, D)`` float32.

    Images of the same pixels are embedded once. With a cache, so are images that an earlier call has embedded by the
    same weights, settings and code after the same preprocessing, in the same precision on the same kind of device, in
    whatever protocol.

    Args:
        extraction: What embeds.
        source: The images.
        digests: Of the images, where they are known: :func:`image_digests`.
        cache: Folder where embeddings are kept.
        batch_size: Images a process embeds at once.
        num_workers: Processes that load images.
        trainer_options: Devices, precision and so on.

    Raises:
        DataError: If an image cannot be read, or an embedding is not finite: the first such image is named.
    """
    collector = EmbeddingCollector()
    trainer = quiet_trainer(collector, trainer_options or {})

    def compute(indices: Sequence[int]) -> Embeddings:
        chosen = np.asarray(indices, dtype=np.int64)
        dataset = plain_faces(source, chosen, extraction.image_size)
        check_shared_memory(extraction.image_size, [(batch_size, len(dataset))], workers=num_workers)
        loader = DataLoader(dataset, batch_size=batch_size, num_workers=num_workers, collate_fn=collate_faces)
        trainer.predict(extraction.module, loader, return_predictions=False)
        # rows that are not finite have been refused, with the image's name
        return gathered(collector.rows, len(chosen)).reshape(len(chosen), -1).numpy()

    folder = None if cache is None else cache / digest(extraction.key, arithmetic(trainer))
    return cached_rows(digests or image_digests(source), folder, compute, label=extraction.name)


def quiet_trainer(callback: Callback, options: Mapping[str, Any]) -> Trainer:
    """Return a trainer that evaluates, writes nothing and says nothing of itself."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    lightning = logging.getLogger("pytorch_lightning.utilities.rank_zero")
    level = lightning.level
    lightning.setLevel(logging.WARNING)
    try:
        return Trainer(callbacks=[callback], **{**quiet, **options})
    finally:
        lightning.setLevel(level)


def gathered(rows: Rows | None, number: int) -> Tensor:
    """Return the values of all processes' rows, in the order of their images.

    Raises:
        DataError: If there are none.
    """
    if rows is None:
        raise DataError(f"Expected results for {number} images, got none: was the evaluation stopped?")
    return rows.value


def image_digests(source: FaceSource) -> list[bytes]:
    """Return sixteen bytes for each image, which stand for its pixels.

    Raises:
        DataError: If an image cannot be read.
    """

    def pixels(index: int) -> bytes:
        image = source.image(index)
        return hashlib.blake2b(image.tobytes(), digest_size=16, key=repr(image.shape).encode()).digest()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(pixels, range(len(source))))


def plain_faces(source: FaceSource, indices: NDArray[np.int64], image_size: int) -> FaceDataset:
    """Return images of a source as they are, resized."""
    landmarks = FixedLandmarks("arcface")  # nothing is covered that would look for them
    return FaceDataset(source, indices, source.identities[indices], landmarks=landmarks, image_size=image_size)

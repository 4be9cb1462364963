"""Embeddings of the distinct images of a protocol, each computed once and kept."""

import hashlib
import os
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor
from torch.utils.data import DataLoader

from callbacks.rows import RowCollector, Rows
from datamodules.batch import FaceBatch
from datamodules.dataset import FaceDataset, collate_faces
from datamodules.errors import DataError
from datamodules.sources import FaceSource, FixedLandmarks
from datamodules.whole_file import whole_file
from experiments.launch import digest
from lightning_modules.networks import fingerprint

Embeddings = NDArray[np.float32]


class Extraction(NamedTuple):
    """A module that embeds faces, and what its embeddings depend on."""

    module: LightningModule
    image_size: int
    name: str

    @property
    def key(self) -> str:
        """What tells embeddings apart: weights and preprocessing."""
        preprocessing = getattr(self.module, "preprocessing", None)
        said = preprocessing() if preprocessing is not None else repr(getattr(self.module, "normalize", None))
        parts = (type(self.module).__name__, fingerprint(self.module.state_dict()), str(self.image_size), said)
        return digest(*parts)


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
        self._rows.add(batch, outputs["embedding"].float())

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the processes' faces together."""
        self.rows = self._rows.gather()


def embed(
    extraction: Extraction,
    source: FaceSource,
    *,
    cache: Path | None = None,
    batch_size: int = 256,
    num_workers: int = 0,
    trainer_options: Mapping[str, Any] | None = None,
) -> Embeddings:
    """Return the embeddings of all images of a source, ``(N, D)`` float32.

    Images of the same pixels are embedded once. With a cache, so are images that an earlier call has embedded by the
    same weights after the same preprocessing, in whatever protocol.

    Args:
        extraction: What embeds.
        source: The images.
        cache: Folder where embeddings are kept.
        batch_size: Images a process embeds at once.
        num_workers: Processes that load images.
        trainer_options: Devices, precision and so on.

    Raises:
        DataError: If an image cannot be read, or an embedding is not finite: the first such image is named.
    """
    digests = image_digests(source)
    folder = None if cache is None else cache / extraction.key
    known = _kept(folder)
    missing = sorted(
        {digest: index for index, digest in reversed(list(enumerate(digests))) if digest not in known}.values()
    )
    rank_zero_info(f"{extraction.name}: {len(missing):,} of {len(digests):,} images to embed")
    if missing:
        computed = _predict(extraction, source, missing, batch_size, num_workers, trainer_options or {})
        _check_finite(computed, [source.name(index) for index in missing])
        new = {digests[index]: row for index, row in zip(missing, computed, strict=True)}
        _keep(folder, new)
        known |= new
    return np.stack([known[digest] for digest in digests])


def image_digests(source: FaceSource) -> list[bytes]:
    """Return sixteen bytes for each image, which stand for its pixels."""

    def pixels(index: int) -> bytes:
        image = source.image(index)
        return hashlib.blake2b(image.tobytes(), digest_size=16, key=repr(image.shape).encode()).digest()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(pixels, range(len(source))))


def plain_faces(source: FaceSource, indices: NDArray[np.int64], image_size: int) -> FaceDataset:
    """Return images of a source as they are, resized."""
    landmarks = FixedLandmarks("arcface")  # nothing is covered that would look for them
    return FaceDataset(source, indices, source.identities[indices], landmarks=landmarks, image_size=image_size)


def _predict(
    extraction: Extraction,
    source: FaceSource,
    indices: Sequence[int],
    batch_size: int,
    num_workers: int,
    trainer_options: Mapping[str, Any],
) -> Embeddings:
    chosen = np.asarray(indices, dtype=np.int64)
    dataset = plain_faces(source, chosen, extraction.image_size)
    loader = DataLoader(dataset, batch_size=batch_size, num_workers=num_workers, collate_fn=collate_faces)
    collector = EmbeddingCollector()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    trainer = Trainer(callbacks=[collector], **{**quiet, **trainer_options})
    trainer.predict(extraction.module, loader, return_predictions=False)
    if collector.rows is None:
        raise DataError(f"Expected embeddings of {len(chosen)} images, got none: was the evaluation stopped?")
    values: Tensor = collector.rows.value  # in the order of indices
    return values.reshape(len(chosen), -1).numpy()


def _check_finite(embeddings: Embeddings, names: Sequence[str]) -> None:
    bad = np.flatnonzero(~np.isfinite(embeddings).all(1))
    if len(bad):
        raise DataError(f"{names[bad[0]]}: expected a finite embedding, got NaN or infinity ({len(bad)} images)")


def _kept(folder: Path | None) -> dict[bytes, Embeddings]:
    known: dict[bytes, Embeddings] = {}
    for path in sorted(folder.glob("*.npz")) if folder is not None else []:
        try:
            with path.open("rb") as file:  # opened here: numpy leaves it open where it is no archive
                content = np.load(file, allow_pickle=False)
                pairs = list(zip(content["digests"], content["embeddings"], strict=True))
        except (OSError, ValueError, EOFError, KeyError, IndexError, BadZipFile, zlib.error) as error:
            rank_zero_info(f"{path} cannot be read ({type(error).__name__}): its images are embedded again")
            continue
        known |= {digest.tobytes(): row for digest, row in pairs}
    return known


def _keep(folder: Path | None, new: Mapping[bytes, Embeddings]) -> None:
    """Write one file, whole or not at all, named by its content: processes that write the same do not disturb."""
    if folder is None:
        return
    digests = np.frombuffer(b"".join(new), np.uint8).reshape(len(new), 16)
    name = digest(digests.tobytes())
    with whole_file(folder / f"{name}.npz") as file:
        np.savez(file, digests=digests, embeddings=np.stack(list(new.values())))

"""Embeddings of the distinct images of a protocol, each computed once and kept."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import LightningModule

from datamodules.seams.face_source import FaceSource
from experiments.evaluation.embedding_cache import cached_rows
from experiments.evaluation.embedding_key import arithmetic, module_key
from experiments.evaluation.face_images import image_digests, plain_faces
from experiments.evaluation.face_outputs import OutputCollector, quiet_trainer
from experiments.runs.digests import digest

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
        digests: Of the images, where they are known: :func:`~.face_images.image_digests`.
        cache: Folder where embeddings are kept.
        batch_size: Images a process embeds at once.
        num_workers: Processes that load images.
        trainer_options: Devices, precision and so on.

    Raises:
        DataError: If an image cannot be read, or an embedding is not finite: the first such image is named.
    """
    collector = OutputCollector("embedding", lambda embedding, _: embedding.float())
    trainer = quiet_trainer(collector, trainer_options or {})
    module, image_size, _ = extraction

    def compute(indices: Sequence[int]) -> Embeddings:
        faces = plain_faces(source, np.asarray(indices, dtype=np.int64), image_size)
        values = collector.values(
            lambda loader: trainer.predict(module, loader, return_predictions=False),
            faces,
            image_size=image_size,
            batch_size=batch_size,
            num_workers=num_workers,
        )
        return values.reshape(len(faces), -1).numpy()  # finite: others have been refused, with the image's name

    folder = None if cache is None else cache / digest(extraction.key, arithmetic(trainer))
    return cached_rows(digests or image_digests(source), folder, compute, label=extraction.name)

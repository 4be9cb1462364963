"""Embeddings of the distinct images of a protocol, each computed once and kept."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.plain_faces import image_digests, plain_faces
from datamodules.seams.face_source import FaceSource
from experiments.evaluation.embedding_cache import cached_rows
from experiments.evaluation.embedding_key import arithmetic
from experiments.evaluation.face_outputs import Computing, Extraction, OutputCollector
from experiments.runs.digests import digest

Embeddings = NDArray[np.float32]


def embed(
    extraction: Extraction,
    source: FaceSource,
    computing: Computing,
    *,
    digests: Sequence[bytes] | None = None,
    cache: Path | None = None,
) -> Embeddings:
    """Return the embeddings of all images of a source, ``(N, D)`` float32.

    Images of the same pixels are embedded once. With a cache, so are images that an earlier call has embedded by the
    same weights, settings and code after the same preprocessing, in the same precision on the same kind of device, in
    whatever protocol.

    Args:
        extraction: What embeds.
        source: The images.
        computing: How.
        digests: Of the images, where they are known: :func:`~datamodules.plain_faces.image_digests`.
        cache: Folder where embeddings are kept.

    Raises:
        DataError: If an image cannot be read, or an embedding is not finite: the first such image is named.
    """
    collector = OutputCollector("embedding", lambda embedding, _: embedding.float(), computing)

    def compute(indices: Sequence[int]) -> Embeddings:
        faces = plain_faces(source, np.asarray(indices, dtype=np.int64), extraction.image_size)
        values = collector.values(extraction, faces)
        return values.reshape(len(faces), -1).numpy()  # finite: others have been refused, with the image's name

    folder = None if cache is None else cache / digest(extraction.key, arithmetic(collector.trainer))
    return cached_rows(digests or image_digests(source), folder, compute, label=extraction.name)

"""Embeddings of the distinct images of a protocol, each computed once and kept."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from datamodules.errors import DataError
from datamodules.plain_faces import image_digests, plain_faces
from datamodules.seams.face_source import FaceSource
from experiments.evaluation.embedding_cache import cached_rows
from experiments.evaluation.embedding_key import arithmetic
from experiments.evaluation.face_outputs import Computing, Extraction, OutputCollector
from experiments.runs.digests import digest
from lightning_modules.outputs import StepOutput

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
    collector = OutputCollector("embedding", lambda outputs, _: as_long_as_good(outputs), computing)

    def compute(indices: Sequence[int]) -> Embeddings:
        faces = plain_faces(source, np.asarray(indices, dtype=np.int64), extraction.image_size)
        values = collector.values(extraction, faces)
        return values.reshape(len(faces), -1).numpy()  # finite: others have been refused, with the image's name

    folder = None if cache is None else cache / digest(extraction.key, arithmetic(collector.trainer))
    return cached_rows(digests or image_digests(source), folder, compute, label=extraction.name)


def as_long_as_good(outputs: StepOutput) -> Tensor:
    """Return embeddings ``(B, D)`` float32 whose length is the quality that the network gives them, where it does.

    Comparisons are of directions; what weights by quality takes the length.

    Raises:
        DataError: If a quality is not above 0.

    Example:
        >>> import torch
        >>> as_long_as_good({"embedding": torch.tensor([[3.0, 4.0]]), "quality": torch.tensor([10.0])})
        tensor([[6., 8.]])
    """
    embedding, quality = outputs["embedding"].float(), outputs.get("quality")
    if quality is None:
        return embedding
    if not (quality > 0).all():
        raise DataError(f"Expected qualities of embeddings above 0, got {float(quality.min()):g}")
    return normalize(embedding) * quality[:, None]

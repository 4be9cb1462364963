"""The measures of a protocol, from the embeddings of its images."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics.metric_checks import finite_rows
from callbacks.recognition.identity_intervals import pair_intervals, rank1_interval
from callbacks.recognition.measure_names import EXACT, UNDEFINED
from callbacks.recognition.recognise import Recognition, recognise
from callbacks.recognition.reranking import Reranking
from callbacks.recognition.template_means import template_means
from datamodules.errors import DataError
from datamodules.protocols import EvaluationProtocol
from experiments.cli.first_process import warn


def evaluate_protocol(
    protocol: EvaluationProtocol, embeddings: NDArray[np.float32], reranking: Reranking | None = None
) -> Recognition:
    """Return the measures of every condition.

    Args:
        protocol: What is compared with what.
        embeddings: One row for each image of its source, ``(N, D)``; templates are made of them.
        reranking: What scores pairs and first candidates in place of cosine similarity alone.

    Raises:
        DataError: If an embedding is not finite: the first such image is named. One of zeros is warned of.
    """
    values = torch.from_numpy(np.ascontiguousarray(embeddings))
    name = protocol.source.name
    if bad := torch.nonzero(~finite_rows(values)).flatten().tolist():
        found = f"NaN or infinity ({_of(bad, len(values))})"
        raise DataError(f"{name(bad[0])}: expected a finite embedding, got {found}")
    if zero := torch.nonzero(~values.any(1)).flatten().tolist():
        warn(f"{name(zero[0])}: its embedding is all zeros and alike to nobody ({_of(zero, len(values))})")
    identities, made = torch.from_numpy(protocol.identities), compared(protocol, values)
    recognised = recognise(protocol.verification, protocol.identification, made, identities, reranking)
    if protocol.replicates:
        _add_intervals(recognised, protocol, made, ranks=reranking is None)
    return recognised


def _add_intervals(found: Recognition, protocol: EvaluationProtocol, embeddings: Tensor, *, ranks: bool) -> None:
    identities, replicates = torch.from_numpy(protocol.identities), protocol.replicates
    for condition, verified in found.verification.items():
        pairs = protocol.verification[condition]
        verified.measures.update(pair_intervals(verified, pairs, identities, replicates=replicates))
    if ranks:
        for condition, identified in found.identification.items():
            faces = protocol.identification[condition]
            identified.measures.update(rank1_interval(faces, embeddings, identities, replicates=replicates))


def compared(protocol: EvaluationProtocol, embeddings: Tensor) -> Tensor:
    """Return the embeddings of what is compared, of those of all images: themselves, or those of templates."""
    return embeddings if protocol.templates is None else template_means(embeddings, protocol.templates)


def _of(found: list[int], number: int) -> str:
    return f"{len(found):,} of {number:,} images"


def readable(rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """Return measures as JSON has them: ``None`` where one is not measurable.

    Raises:
        ValueError: If another is not finite: that is no result.
    """
    return {
        condition: {name: _number(condition, name, value) for name, value in found.items()}
        for condition, found in rows.items()
    }


def _number(condition: str, name: str, value: float) -> float | None:
    if math.isfinite(value):
        return value if name.startswith(EXACT) else round(value, 6)
    if name.startswith(UNDEFINED):
        return None
    raise ValueError(f"Expected a finite {name} of {condition}, got {value}")

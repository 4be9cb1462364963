"""The measures of whatever is compared, from the embeddings of its images."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from callbacks.metrics.directions import directions
from callbacks.recognition.identification import Identified, identify
from callbacks.recognition.reranking import Reranking
from callbacks.recognition.verification import Verified, verify
from datamodules.seams.evaluation_protocol import Identification, VerificationPairs


class Recognition(NamedTuple):
    """What became of all conditions."""

    verification: dict[str, Verified]
    identification: dict[str, Identified]

    def rows(self) -> dict[str, dict[str, float]]:
        """Return the measures by condition; a condition may be verified and identified."""
        rows: dict[str, dict[str, float]] = {}
        for part in (self.verification, self.identification):
            for condition, found in part.items():
                rows.setdefault(condition, {}).update(found.measures)
        return rows


def recognise(
    verification: Mapping[str, VerificationPairs],
    identification: Mapping[str, Identification],
    embeddings: Tensor,
    identities: Tensor,
    reranking: Reranking | None = None,
) -> Recognition:
    """Verify and identify under every condition.

    Args:
        verification: Pairs by condition.
        identification: Gallery and probes by condition.
        embeddings: ``(N, D)``, of whatever length.
        identities: Of all embeddings, ``(N,)``.
        reranking: What scores pairs, and the first candidates of a search, in place of cosine similarity alone.

    Raises:
        ValueError: If an embedding is not finite.
    """
    unit = directions(embeddings)
    scorer = None if reranking is None else reranking.scorer
    return Recognition(
        {condition: verify(pairs, unit, identities, scorer) for condition, pairs in verification.items()},
        {condition: identify(faces, embeddings, identities, reranking) for condition, faces in identification.items()},
    )

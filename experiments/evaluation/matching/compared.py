"""What a comparison makes of a protocol: embeddings of all views, and scores of faces that are covered alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from weakref import finalize

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics.directions import directions
from callbacks.recognition.measure_names import A_PAIR, A_PROBE
from callbacks.recognition.pair_scorer import Indices
from callbacks.recognition.reranking import Reranking
from datamodules.protocols import EvaluationProtocol
from datamodules.seams.face_source import FaceSource
from experiments.cli.first_process import warn
from experiments.evaluation.embedding import embed
from experiments.evaluation.face_outputs import Computing, Extraction
from experiments.evaluation.matching.comparison_options import LABELS
from experiments.evaluation.matching.dressed_faces import DressedFaces
from experiments.evaluation.matching.face_comparison import FaceComparison, Masks
from experiments.evaluation.matching.matched_pairs import MatchedPairs
from experiments.evaluation.matching.occluder_masks import OccluderMasks, occluder_masks
from experiments.evaluation.matching.views import ViewModule, joined

Embeddings = NDArray[np.float32]
MADE = "matched"
"""Folder of the embeddings of what is made, which are many, and which a plain evaluation need not read."""


@dataclass
class Comparing:
    """Embeds and segments for comparisons; masks are kept, for whoever compares by them.

    Attributes:
        computing: How models are run.
        cache: Folder where embeddings and masks are kept; ``None`` keeps them while this is there.
    """

    computing: Computing
    cache: Path | None
    _masks: dict[tuple[str, int], OccluderMasks] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cache is None:  # what was made is compared again, in pairs and in searches
            self.cache = Path(mkdtemp())
            finalize(self, rmtree, self.cache, ignore_errors=True)

    def embeddings(
        self, extraction: Extraction, views: Sequence[str], source: FaceSource, digests: Sequence[bytes]
    ) -> Embeddings:
        """Return the embeddings of all images, ``(N, D)``; of several views the sum of their directions."""
        seen = [extraction, *(_view(extraction, view) for view in views)]
        cache = self.cache / MADE if self.cache and isinstance(source, DressedFaces) else self.cache
        plain, *others = [embed(one, source, self.computing, digests=digests, cache=cache) for one in seen]
        if not views:
            return plain
        together: Embeddings = joined([torch.from_numpy(one) for one in (plain, *others)]).numpy()
        return together

    def reranking(
        self,
        extraction: Extraction,
        comparison: FaceComparison,
        protocol: EvaluationProtocol,
        embeddings: Embeddings,
        digests: Sequence[bytes],
    ) -> Reranking | None:
        """Return what scores pairs by matched comparison; ``None`` where they are compared by embeddings alone."""
        if comparison.masks is None:
            return None
        masks = self.masks_of(comparison.masks, protocol, digests)
        shares = masks.shares()
        counts = comparison.matching.counts(shares).numpy()
        _say_covered(protocol, comparison.masks, torch.nonzero(comparison.matching.whole(shares))[:, 0].tolist())

        def dressed(wearers: Indices, worn: Indices) -> DressedFaces:
            side = extraction.image_size
            return DressedFaces(protocol.source, masks, counts, wearers, worn, comparison.matching, side)

        def embedded(wearers: Indices, worn: Indices) -> Tensor:
            made = dressed(wearers, worn)
            found = self.embeddings(extraction, comparison.views, made, made.digests(digests))
            return directions(torch.from_numpy(found))

        known = directions(torch.from_numpy(embeddings))
        views = comparison.views_of_a_face
        scorer = MatchedPairs(known, shares, counts, comparison.matching, embedded, views, dressed)
        return Reranking(scorer, comparison.rerank)

    def masks_of(self, masks: Masks, protocol: EvaluationProtocol, digests: Sequence[bytes]) -> OccluderMasks:
        """Return the masks of a protocol's images, made once."""
        name = masks.model.extraction.key if masks.model else LABELS, id(protocol)
        if name not in self._masks:
            self._masks[name] = occluder_masks(masks, protocol, self.computing, digests=digests, cache=self.cache)
        return self._masks[name]


def add_costs(rows: dict[str, dict[str, float]], comparison: FaceComparison) -> None:
    """Add what comparisons by several views cost to measures by condition, where nothing more is compared."""
    if comparison.is_plain or comparison.masks is not None:
        return
    for measures in rows.values():
        for kind, number, name in (("pairs", 2, A_PAIR), ("probes", 1, A_PROBE)):
            if kind in measures:
                measures[name] = float(number * comparison.views_of_a_face)


def _view(extraction: Extraction, view: str) -> Extraction:
    module = ViewModule(extraction.module, view)
    return Extraction(module, extraction.image_size, f"{extraction.name} ({view})")


def _say_covered(protocol: EvaluationProtocol, masks: Masks, whole: Sequence[int]) -> None:
    if whole:
        warn(
            f"{protocol.source.name(whole[0])}: covered altogether, as {masks.name} has it, and compared as it is "
            f"({len(whole):,} of {len(protocol.source):,} images)"
        )

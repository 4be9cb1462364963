"""A run of the command: what is asked for, built and checked, then mapped, measured, written and drawn."""

from argparse import Namespace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from callbacks.occlusion_sensitivity.verification_maps import Covered, VerificationMaps
from datamodules.plain_faces import image_digests
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.benchmarks.benchmark import device_of
from experiments.cli import UserError
from experiments.evaluation.alignments import check_alignments
from experiments.evaluation.embedding import embed
from experiments.evaluation.face_outputs import Computing
from experiments.evaluation.given_models import Model, given_model, probed
from experiments.evaluation.named_protocols import named_protocols
from experiments.evaluation.trainer_options import trainer_options
from experiments.runs.digests import digest
from experiments.verification_mapping.chosen_pairs import chosen_thresholds, condition_of, genuine_pairs
from experiments.verification_mapping.kept_scores import KeptScores
from experiments.verification_mapping.mapped_pairs import FaceMapper, MapSettings


class MappingRun:
    """What one call maps.

    Args:
        options: Of :func:`~experiments.verification_mapping.map_options.parsed`.

    Raises:
        UserError: If model or protocol are none that can be mapped.
        DataError: If the protocol's files, or the classifier's map, cannot be used.
    """

    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.computing = Computing(options.batch_size, options.num_workers, trainer_options(options))
        self.protocol = _protocol(options)
        self.condition = condition_of(self.protocol, options.condition)
        self.model = _model(options, self.protocol)
        self.key = self.model.extraction.key  # as it was built: before it has run
        self.pairs = genuine_pairs(self.protocol, self.condition, limit=options.limit, seed=options.seed)
        self.settings = MapSettings(
            options.occluder, options.fill, options.stride, tuple(options.covered), options.dense
        )
        self.folder = Path(options.out)
        classifier = options.classifier_map
        self.classifier_map = None if classifier is None else OcclusionMap.load(classifier)

    def thresholds(self) -> dict[str, float]:
        """Return the thresholds, by what to call them; where impostors give them, all faces are embedded.

        Raises:
            UserError: If there are too few impostor pairs.
        """
        embeddings: NDArray[np.float32] | None = None
        if self.options.threshold is None:
            source, cache = self.protocol.source, Path(self.options.cache)
            embeddings = embed(self.model.extraction, source, self.computing, digests=self.digests(), cache=cache)
        return chosen_thresholds(self.options, embeddings, self.protocol.verification[self.condition])

    def digests(self) -> list[bytes]:
        """Return what stands for each image's pixels."""
        return image_digests(self.protocol.source)

    def mapper(self) -> FaceMapper:
        """Return what covers and embeds faces."""
        device = device_of(self.options.accelerator)
        return FaceMapper(self.model.extraction, self.protocol.source, self.settings, device)

    def maps(self, mapper: FaceMapper) -> dict[Covered, VerificationMaps]:
        """Return the maps of the pairs, by what is covered."""
        return mapper.maps(self.pairs, self.settings.covered, KeptScores(self.folder, self.scores_key()))

    def scores_key(self) -> str:
        """Return what stands for all that the scores of pairs depend on, but their images."""
        return digest(self.key, repr(self.settings))


def _protocol(options: Namespace) -> EvaluationProtocol:
    protocols = named_protocols(options)
    if len(protocols) != 1:
        raise UserError(f"Expected one protocol, got {len(protocols)}: --categories names one occluder")
    return protocols[0]


def _model(options: Namespace, protocol: EvaluationProtocol) -> Model:
    model = given_model(options.model, options)
    check_alignments([model], [protocol], allow_other=options.allow_other_alignment)
    model = probed(model, protocol.source)
    if "embedding" not in model.makes:
        raise UserError(f"Expected a model that embeds faces, got {options.model}")
    return model

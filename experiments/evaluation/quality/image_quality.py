"""How good an image is: how little of the face is covered, or how long its embedding is."""

from argparse import Namespace
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.protocols import EvaluationProtocol
from experiments.cli import UserError
from experiments.evaluation.embedding import Embeddings
from experiments.evaluation.matching.compared import Comparing
from experiments.evaluation.matching.face_comparison import Masks
from experiments.evaluation.matching.variants import read_masks
from experiments.evaluation.quality.covered_share import covered_shares
from experiments.evaluation.quality.quality_options import FIRST_ERROR, NORM


class Quality(NamedTuple):
    """What tells good images from bad ones."""

    name: str
    """In a report."""
    masks: Masks | None
    """Which say what is covered; ``None`` for the embedding's length."""


class Discarding(NamedTuple):
    """What curves are made of."""

    qualities: tuple[Quality, ...] = ()
    first_error: float = FIRST_ERROR
    """False reject rate before anything is discarded."""


NONE = Discarding()


def read_discarding(options: Namespace, protocols: Sequence[EvaluationProtocol]) -> Discarding:
    """Return what a command line asks for.

    Args:
        options: ``quality``, ``discard_error``, and those of models.
        protocols: By which is evaluated.

    Raises:
        UserError: If a source of quality cannot be used, or there is an error rate without one.
        DataError: If a declaration of a dataset's alignment is malformed.
    """
    named = list(dict.fromkeys(options.quality))
    if options.discard_error is not None and not named:
        raise UserError("Expected --quality with --discard-error, got none")
    for protocol in protocols if named else ():
        if protocol.templates is not None:
            raise UserError(f"Expected a protocol that compares images with --quality, got {protocol.name}'s templates")
        if not protocol.verification:
            raise UserError(f"Expected a protocol of pairs of images with --quality, got none from {protocol.name}")
    masks = iter(read_masks([path for path in named if path != NORM], options, protocols, option="--quality"))
    found = [Quality(NORM, None) if one == NORM else _covered(next(masks)) for one in named]
    return Discarding(tuple(found), FIRST_ERROR if options.discard_error is None else options.discard_error)


def _covered(masks: Masks) -> Quality:
    return Quality(f"covered by {masks.name}", masks)


def image_qualities(
    discarding: Discarding,
    protocol: EvaluationProtocol,
    embeddings: Embeddings | None,
    comparing: Comparing,
    digests: Sequence[bytes],
) -> dict[str, Tensor]:
    """Return the qualities that are asked for of a protocol's images, ``(N,)`` float32 each, higher for better.

    Args:
        discarding: What is asked for.
        protocol: Its images.
        embeddings: Of the images, ``(N, D)``; without, there is nothing to discard.
        comparing: What segments, and keeps what it has segmented.
        digests: Of the images.
    """
    if embeddings is None:
        return {}
    length = torch.linalg.vector_norm(torch.from_numpy(embeddings), dim=1)
    return {
        name: length
        if masks is None
        else -covered_shares(comparing.masks_of(masks, protocol, digests), protocol.source)
        for name, masks in discarding.qualities
    }

"""A gallery in which the images of each identity are one template."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.evaluation_protocol import EvaluationProtocol, Identification
from datamodules.seams.templates import Templates, Weighting

Join = Literal["alone", "mean", "quality"]
Indices = NDArray[np.int64]


def joined_gallery(
    protocol: EvaluationProtocol, weighting: Weighting, quality: Sequence[float | None]
) -> EvaluationProtocol:
    """Return a protocol of the same probes, in which an identity's gallery images of a condition are one template.

    Args:
        protocol: Identification of images.
        weighting: What the images count for.
        quality: Of each image, for ``quality``: of all gallery images or of none, which are then weighted by the
            lengths of their embeddings. A probe has one image, whose weight changes nothing.

    Raises:
        DataError: If some gallery images have a quality and some have none.
    """
    weights = None if weighting == "mean" else _listed(protocol, quality)
    places: dict[tuple[int, ...], int] = {}
    identification = {
        condition: Identification(
            _placed(_by_identity(faces.gallery, protocol.source.identities), places),
            _placed([(index,) for index in faces.probes.tolist()], places),
            _placed([(index,) for index in faces.strangers.tolist()], places),
        )
        for condition, faces in protocol.identification.items()
    }
    image = np.array([index for images in places for index in images], dtype=np.int64)
    templates = Templates(
        image,
        template=np.repeat(np.arange(len(places)), [len(images) for images in places]).astype(np.int64),
        medium=image,
        identities=protocol.source.identities[[images[0] for images in places]],
        names=[protocol.source.name(images[0]) for images in places],
        weighting=weighting,
        quality=None if weights is None else weights[image],
    )
    return replace(protocol, identification=identification, templates=templates)


def _by_identity(gallery: Indices, identities: Indices) -> list[tuple[int, ...]]:
    """Return the gallery images of each identity."""
    return [tuple(sorted(gallery[identities[gallery] == who].tolist())) for who in np.unique(identities[gallery])]


def _placed(joined: Sequence[tuple[int, ...]], places: dict[tuple[int, ...], int]) -> Indices:
    """Return the template of each group of images; new ones are added."""
    return np.array([places.setdefault(images, len(places)) for images in joined], dtype=np.int64)


def _listed(protocol: EvaluationProtocol, quality: Sequence[float | None]) -> NDArray[np.float64] | None:
    gallery = np.unique(np.concatenate([faces.gallery for faces in protocol.identification.values()]))
    without = [index for index in gallery.tolist() if quality[index] is None]
    if without and len(without) < len(gallery):
        name = protocol.source.name(without[0])
        raise DataError(f"{protocol.name}: expected a quality of every gallery image or of none, got none of {name}")
    found = np.ones(len(quality))
    found[gallery] = [1.0 if (value := quality[index]) is None else value for index in gallery.tolist()]
    return None if without else found

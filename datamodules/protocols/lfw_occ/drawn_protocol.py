"""LFW-occ: LFW's pairs with the right image occluded, drawn when it is asked for."""

from pathlib import Path

from datamodules.protocols.lfw_occ.occluded_faces import Covered, numbered_pairs, occluded_protocol, prepared
from datamodules.protocols.lfw_occ.pair_occluder import PairOccluder, Severity
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from datamodules.seams.face_source import FaceSource, UInt8Image
from datamodules.sources.landmarks import FixedLandmarks


class DrawnImages:
    """Occluded images that are drawn when asked for.

    Args:
        occluder: What covers them.
        size: Height and width that they get, or ``None`` for their own.

    Raises:
        ValueError: If ``size`` is not positive.
    """

    def __init__(self, occluder: PairOccluder, size: int | None) -> None:
        if size is not None and size < 1:
            raise ValueError(f"Expected `size` of at least 1, got {size}")
        self.occluder = occluder
        self.size = size

    def image(self, faces: FaceSource, covered: Covered) -> UInt8Image:
        """See :class:`Renderer`."""
        original = self._original(faces, covered)
        return self.occluder.cover(original, self.occluder.draw(covered.pair, _size(original)))

    def label_map(self, faces: FaceSource, covered: Covered) -> UInt8Image:
        """See :class:`Renderer`."""
        return self.occluder.draw(covered.pair, _size(self._original(faces, covered))).label_map

    def _original(self, faces: FaceSource, covered: Covered) -> UInt8Image:
        return prepared(faces.image(covered.face), self.size, name=faces.name(covered.face))


def lfw_occ(
    root: Path | str,
    pairs: Path | str,
    category: str,
    *,
    seed: int = 0,
    severity: Severity | None = None,
    landmarks: str | FixedLandmarks = "lfw",
    size: int | None = None,
    allow_missing: bool = False,
) -> EvaluationProtocol:
    """LFW's pairs; the right image of each is covered by an occluder that training never sees.

    Instance and geometry are a function of (seed, category, pair number): an image that is the right one of two
    pairs is covered twice, in two ways. Left images stay as they are. The protocol's source has a ``label_map`` of
    every image.

    Args:
        root: Folder of images, ``Name/Name_0001.jpg``, or with another of ``IMAGE_EXTENSIONS``.
        pairs: ``pairs.txt``, ``pairsDevTrain.txt`` or ``pairsDevTest.txt``, see
            :func:`~datamodules.protocols.lfw_pairs_file.read_lfw_pairs`.
        category: One of ``LFW_OCC_CATEGORIES``, or several joined by ``+``, each over the ones named before it.
        seed: Seed of the draws.
        severity: ``low``, ``medium`` or ``high``: the share of the face that is covered, see ``SEVERITIES``.
        landmarks: Where landmarks lie in every image, a name of ``ALIGNMENTS`` or a template of your own.
        size: Height and width that right images are brought to; ``None`` leaves them theirs.
        allow_missing: Leave pairs out whose image is not there, and list them in the protocol.

    Returns:
        Protocol ``lfw_occ`` with one condition, ``<category>`` or ``<category>/<severity>``.

    Raises:
        ValueError: If a setting is none of these.
        DataError: If ``pairs`` cannot be read, an image is missing and may not be, or is there in two formats.

    Source: Zeng et al. (SOIDN), section 4.3; the paper's own images were never published.
    """
    renderer = DrawnImages(PairOccluder(category, seed, severity, landmarks), size)
    listed = numbered_pairs(root, pairs, allow_missing=allow_missing)
    return occluded_protocol(listed, [category], renderer, suffix_of(severity))


def suffix_of(severity: str | None) -> str:
    """Return what a condition's name ends with."""
    return f"/{severity}" if severity else ""


def _size(image: UInt8Image) -> tuple[int, int]:
    return image.shape[0], image.shape[1]

"""LFW's pairs under a user's own occluder images: photographs of masks, caps or sunglasses as the test."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from datamodules.occluders import Occluded, TemplateOccluder
from datamodules.occluders.own_images import read_listing
from datamodules.protocols.lfw_occ.occluded_faces import Covered, numbered_pairs, occluded_protocol
from datamodules.randomness import sample_generator
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from datamodules.seams.face_source import FaceSource, UInt8Image
from datamodules.sources import FixedLandmarks


@dataclass(frozen=True)
class OwnOccluders:
    """Images covered by own occluders, drawn when asked for.

    Attributes:
        occluders: By category.
        landmarks: Where the landmarks lie in every image.
        seed: Of the draws; instance and place are a function of (seed, category, pair).
    """

    occluders: Mapping[str, TemplateOccluder]
    landmarks: FixedLandmarks
    seed: int

    def image(self, faces: FaceSource, covered: Covered) -> UInt8Image:
        """See :class:`~.occluded_faces.Renderer`."""
        return self._occluded(faces, covered).image

    def label_map(self, faces: FaceSource, covered: Covered) -> UInt8Image:
        """See :class:`~.occluded_faces.Renderer`."""
        return self._occluded(faces, covered).mask

    def _occluded(self, faces: FaceSource, covered: Covered) -> Occluded:
        image = faces.image(covered.face)
        points = self.landmarks(faces, covered.face, *image.shape[:2])
        generator = sample_generator(self.seed, 0, covered.pair, stream=f"lfw_own/{covered.category}")
        return self.occluders[covered.category](image, points, generator)


def lfw_own(
    root: Path | str,
    pairs: Path | str,
    occluders: Path | str,
    *,
    seed: int = 0,
    landmarks: str | FixedLandmarks = "lfw",
    allow_missing: bool = False,
) -> EvaluationProtocol:
    """LFW's pairs; the right image of each is covered by one of a folder's images, a condition for each category.

    Of a category with images of both splits those of ``held_out`` are used, which no training draws.

    Args:
        root: Folder of images, ``Name/Name_0001.jpg``.
        pairs: LFW's list of pairs.
        occluders: Folder with ``occluders.yaml``, see :func:`~datamodules.occluders.own_images.read_listing`.
        seed: Seed of the draws.
        landmarks: Where landmarks lie in every image, a name of ``ALIGNMENTS`` or a template of your own.
        allow_missing: Leave pairs out whose image is not there, and list them in the protocol.

    Returns:
        Protocol ``lfw_own``; its source has a ``label_map`` of every image.

    Raises:
        ValueError: If a setting is none of these.
        DataError: If the folder or ``pairs`` cannot be used, or an image is missing and may not be.
    """
    entries = read_listing(occluders)
    held_out = {entry.category for entry in entries if entry.split == "held_out"}
    of_category = {
        category: TemplateOccluder(category, split="held_out" if category in held_out else "train", folder=occluders)
        for category in dict.fromkeys(entry.category for entry in entries)
    }
    fixed = FixedLandmarks(landmarks) if isinstance(landmarks, str) else landmarks
    listed = numbered_pairs(root, pairs, allow_missing=allow_missing)
    made = occluded_protocol(listed, list(of_category), OwnOccluders(of_category, fixed, seed), "")
    return replace(made, name="lfw_own")

"""OCFR 2022: LFW's faces under drawn occluders, whose masks were compressed with loss."""

from pathlib import Path

import numpy as np

from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.decode import read_image
from datamodules.sources.labelled.crop_square import CropSquare
from datamodules.sources.labelled.face_region import FaceRegion, Marks
from datamodules.sources.labelled.kinds_table import read_kinds
from datamodules.sources.labelled.labelled_set import LabelledFile, LabelledSet, fitted, person_of
from datamodules.sources.labelled.landmark_ellipse import LandmarkEllipse
from datamodules.sources.labelled.mask_file import read_mask
from datamodules.sources.labelled.partners import listed, partners, stems_below
from datamodules.sources.landmarks import CsvLandmarks

OCCLUSION, MASK = "_occlusion", "_occlusion_mask"
BLACK = 16
"""Mean level below which what lies around an occluder is nothing: compression leaves some."""


class OCFR(LabelledSet):
    """OCFR's ``Name/Name_0001_occlusion.jpg`` and ``…_occlusion_mask.jpg``: what is dark in a mask is an occluder.

    The competition's files hold the occluder alone, on black: ``faces`` are put behind it, as its script does. Files of
    whole occluded faces are taken as they are. In the region of the face all else is visible, and the rest is ignored.

    Args:
        root: Folder of the images and masks, such as ``occlusions_1``.
        faces: Folder of the faces without occluders, ``Name/Name_0001.jpg``, such as ``lfwA_u``; ``None`` takes the
            images as they are.
        threshold: Level from 1 to 255 below which a pixel of a mask is an occluder.
        region: What finds the face; by default an ellipse at the landmarks of ``arcface``'s alignment, which the images
            have.
        person: Regular expression whose first group, found in an image's path, is whom it shows; by default what stands
            before its number.
        kinds: CSV file with columns ``image`` and ``occluder``: what covers which face.
        landmarks: CSV file of five landmarks in the images' pixels.
        crop: Cuts the face out.
        allow_missing: Leave out what has no partner, and keep it in ``missing``.

    Raises:
        ValueError: If a setting is wrong.
        DataError: If a folder cannot be read, an image, mask or face has no partner and may not be left out, all named
            in one line, or the images hold occluders alone and there are no ``faces``.

    Source: Neto et al. 2022, OCFR 2022: Competition on occluded face recognition.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        faces: Path | str | None = None,
        threshold: int = 128,
        region: FaceRegion | None = None,
        person: str | None = r"([^/]+)_\d+_occlusion\.",
        kinds: Path | str | None = None,
        landmarks: Path | str | None = None,
        crop: CropSquare | None = None,
        allow_missing: bool = False,
    ) -> None:
        if not 1 <= threshold <= 255:
            raise ValueError(f"Expected `threshold` from 1 to 255, got {threshold}")
        self.threshold = threshold
        self.faces = None if faces is None else Path(faces)
        images, masks = stems_below(Path(root), OCCLUSION), stems_below(Path(root), MASK)
        pairs = partners(images, masks)
        behind = {} if self.faces is None else partners(images, stems_below(self.faces))
        whole = [stem for stem in images if stem in pairs and (self.faces is None or stem in behind)]
        alone = sorted({*masks.values()} - {*pairs.values()})
        taken = {*whole}
        self.missing = (*(path for stem, path in images.items() if stem not in taken), *alone)
        if self.missing and not allow_missing:
            wanted = "a mask" if faces is None else f"a mask and a face in {faces}"
            found = f"{len(self.missing)} without: {listed(self.missing)}"
            raise DataError(f"{root}: expected {wanted} for every image and an image for every mask, got {found}")
        kind_of = read_kinds(kinds, images)
        self._behind = [behind.get(stem, "") for stem in whole]
        files = [LabelledFile(images[s], (pairs[s],), person_of(images[s], person), kind_of(s)) for s in whole]
        points = None if landmarks is None else CsvLandmarks(landmarks)
        found_by = region or LandmarkEllipse("arcface")
        super().__init__(root, files, region=found_by, landmarks=points, crop=crop)
        if self.faces is None:
            self._check_faces()

    def photograph(self, index: int) -> UInt8Image:
        """See :class:`~.labelled_set.LabelledSet`."""
        occluder = super().photograph(index)
        if self.faces is None:
            return occluder
        path = self.faces / self._behind[index]
        face = read_image(path)
        if face.shape != occluder.shape:
            raise DataError(f"{path}: expected a face of its occluder's size {occluder.shape}, got {face.shape}")
        covered = self.marks(index, occluder.shape[:2]).occluder
        image: UInt8Image = np.where(covered[..., None], occluder, face)  # type: ignore[index]  # it has one
        return image

    def marks(self, index: int, shape: tuple[int, ...]) -> Marks:
        """See :class:`~.labelled_set.LabelledSet`."""
        path = self.root / self.files[index].masks[0]
        return Marks(occluder=~fitted(read_mask(path, self.threshold), shape, path))

    def _check_faces(self) -> None:
        """Refuse occluders without faces, by the first that covers part of an image only."""
        image = super().photograph(0)
        covered = self.marks(0, image.shape[:2]).occluder
        around = image[~covered]  # type: ignore[operator]  # it has one
        if len(around) and around.mean() < BLACK:
            raise DataError(
                f"{self.root / self.name(0)}: expected a face, got an occluder on black: `faces` names the folder of "
                "the faces that it is put on"
            )

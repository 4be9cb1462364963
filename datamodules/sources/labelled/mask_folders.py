"""A folder of photographs and a folder of masks of the visible face: COFW, RealOcc, FaceOcc, one's own."""

from pathlib import Path
from typing import Any

from datamodules.errors import DataError
from datamodules.sources.labelled.crop_square import CropSquare
from datamodules.sources.labelled.face_region import FaceRegion, Marks
from datamodules.sources.labelled.kinds_table import read_kinds
from datamodules.sources.labelled.labelled_set import LabelledFile, LabelledSet, fitted, person_of
from datamodules.sources.labelled.mask_file import read_mask
from datamodules.sources.labelled.mask_hull import MaskHull
from datamodules.sources.labelled.partners import chosen, listed, partners, stems_below
from datamodules.sources.landmarks import CsvLandmarks


class MaskFolders(LabelledSet):
    """Photographs below one folder, masks below another; a marked pixel of a mask is the visible face.

    A mask belongs to the image of its path, whatever the extensions, or of its name, where no other has it. What is
    not marked in the region of the face is an occluder; all else is ignored.

    Args:
        root: Folder that the other two are in.
        images: Folder of the photographs, below ``root``.
        masks: Folder of the masks, below ``root``; see :func:`~.mask_file.read_mask`.
        marks_occluder: Whether a marked pixel of a mask is an occluder, and not the visible face.
        mask_suffix: What a mask's name has more than its image's, before the extension.
        region: What finds the face in a photograph. By default the hull of the visible face; of masks that mark the
            occluder one is needed.
        threshold: Of masks that are compressed with loss, see :func:`~.mask_file.read_mask`.
        images_of: Text file that lists the images to take, a name on each line; ``None`` takes all.
        person: Regular expression whose first group, found in an image's path, is whom it shows.
        kinds: CSV file with columns ``image`` and ``occluder``: what covers which face.
        landmarks: CSV file of five landmarks in the photographs' pixels, see
            :class:`~datamodules.sources.landmarks.CsvLandmarks`.
        crop: Cuts the face out of photographs that are no crops.
        allow_missing: Leave out images without a mask and masks without an image, and keep them in ``missing``.

    Raises:
        ValueError: If a setting is wrong.
        DataError: If a folder or file cannot be read, or an image or mask has no partner and may not be left out: all
            are named in one line.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        images: str = "img",
        masks: str = "mask",
        marks_occluder: bool = False,
        mask_suffix: str = "",
        region: FaceRegion | None = None,
        threshold: int | None = None,
        images_of: Path | str | None = None,
        person: str | None = None,
        kinds: Path | str | None = None,
        landmarks: Path | str | None = None,
        crop: CropSquare | None = None,
        allow_missing: bool = False,
    ) -> None:
        if threshold is not None and not 1 <= threshold <= 255:
            raise ValueError(f"Expected `threshold` from 1 to 255, got {threshold}")
        if marks_occluder and region is None:
            raise ValueError("Expected `region` with `marks_occluder`: masks of occluders do not say where the face is")
        self.mask_root = Path(root) / masks
        self.marks_occluder = marks_occluder
        self.threshold = threshold
        stems, found = stems_below(Path(root) / images), stems_below(self.mask_root, mask_suffix)
        pairs = partners(stems, found)
        wanted = chosen(Path(root) / images, list(stems), images_of)
        self.missing = (
            *(f"{images}/{stems[stem]}" for stem in wanted if stem not in pairs),
            *(f"{masks}/{path}" for path in sorted({*found.values()} - {*pairs.values()}) if images_of is None),
        )
        if self.missing and not allow_missing:
            raise DataError(f"{root}: expected a mask of every image and an image of every mask, got {self._said()}")
        kind_of = read_kinds(kinds, stems)
        files = [
            LabelledFile(stems[stem], (pairs[stem],), person_of(stems[stem], person), kind_of(stem))
            for stem in wanted
            if stem in pairs
        ]
        points = None if landmarks is None else CsvLandmarks(landmarks)
        super().__init__(Path(root) / images, files, region=region or MaskHull(), landmarks=points, crop=crop)

    def marks(self, index: int, shape: tuple[int, ...]) -> Marks:
        """See :class:`~.labelled_set.LabelledSet`."""
        path = self.mask_root / self.files[index].masks[0]
        marked = fitted(read_mask(path, self.threshold), shape, path)
        return Marks(occluder=marked) if self.marks_occluder else Marks(visible=marked)

    def _said(self) -> str:
        return f"{len(self.missing)} without: {listed(self.missing)}"


class COFW(MaskFolders):
    """COFW's test images with masks of the visible face, ``img/*.jpg`` and ``mask/*.png``: 255 is visible face.

    Source: Burgos-Artizzu, Perona and Dollár 2013, the images.
    """


class RealOcc(MaskFolders):
    """RealOcc and RealOcc-Wild, ``image/*.jpg`` and ``mask/*.png``: 1, or 255, is visible face.

    The images of RealOcc are aligned crops; those of RealOcc-Wild are not, and need ``crop``. The lists of its folder
    ``split`` are taken as ``images_of``.

    Args:
        root: The set's folder.
        images: Folder of the photographs.
        settings: Further ones of :class:`MaskFolders`.

    Source: Voo, Jiang and Loy 2022, Delving into high-quality synthetic face occlusion segmentation datasets.
    """

    def __init__(self, root: Path | str, *, images: str = "image", **settings: Any) -> None:
        super().__init__(root, images=images, **settings)

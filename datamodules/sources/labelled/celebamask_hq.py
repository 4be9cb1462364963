"""CelebAMask-HQ: the parts of each face in files of their own."""

from collections.abc import Sequence
from pathlib import Path

from datamodules.errors import DataError
from datamodules.sources.labelled.crop_square import CropSquare
from datamodules.sources.labelled.face_region import FaceRegion, Marks, Pixels
from datamodules.sources.labelled.labelled_set import LabelledFile, LabelledSet, fitted
from datamodules.sources.labelled.mask_file import read_mask
from datamodules.sources.labelled.partners import chosen, listed, stems_below
from datamodules.sources.landmarks import CsvLandmarks

IMAGES, PARTS = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno"
FACE_PARTS = ("skin", "nose", "l_eye", "r_eye", "l_brow", "r_brow", "mouth", "u_lip", "l_lip")
OTHER_PARTS = ("eye_g", "l_ear", "r_ear", "ear_r", "hair", "hat", "neck", "neck_l", "cloth")
"""With those of the face and the background, 19 classes."""


class CelebAMaskHQ(LabelledSet):
    """CelebAMask-HQ: ``CelebA-HQ-img/0.jpg``, ``CelebAMask-HQ-mask-anno/0/00000_skin.png`` and so on.

    Skin, nose, eyes, brows, mouth and lips are visible face; glasses, hats, hair, ears, neck and clothes are ignored,
    unless some of them are ``occluders``. The masks, of half the images' height and width, are enlarged. As the set
    does not mark what else covers a face, take the images of its occlusion-free list; or a ``region``, in which all
    that has no part is taken for an occluder.

    Args:
        root: The set's folder.
        images_of: Text file that lists images, a number on each line, with or without zeros before it, such as the list
            of those without occlusion; ``None`` takes all.
        occluders: Parts that cover the face, such as ``eye_g`` or ``hat``; with a ``region`` as far as they lie in it.
        region: What finds the face; ``None`` counts no more than the parts of face and occluders.
        landmarks: CSV file of five landmarks in the images' pixels.
        crop: Cuts the face out.
        allow_missing: Leave out images without skin, and parts without an image, and keep them in ``missing``.

    Raises:
        ValueError: If an occluder is no part that may cover a face.
        DataError: If a folder or file cannot be read, or an image or part has no partner and may not be left out: all
            are named in one line.

    Source: Lee, Liu, Wu and Luo 2020, MaskGAN.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        images_of: Path | str | None = None,
        occluders: Sequence[str] = (),
        region: FaceRegion | None = None,
        landmarks: Path | str | None = None,
        crop: CropSquare | None = None,
        allow_missing: bool = False,
    ) -> None:
        if unknown := [part for part in occluders if part not in OTHER_PARTS]:
            raise ValueError(f"Expected `occluders` among {', '.join(OTHER_PARTS)}, got {unknown[0]!r}")
        self.occluders = tuple(occluders)
        self.part_root = Path(root) / PARTS
        stems = stems_below(Path(root) / IMAGES)
        parts = _by_image(stems_below(self.part_root))
        wanted = chosen(Path(root) / IMAGES, list(stems), images_of, alike=_number)
        numbers = {stem: _number(stem) for stem in wanted}
        alone = sorted({*parts} - {*map(_number, stems)}) if images_of is None else []
        self.missing = (
            *(f"{IMAGES}/{stems[stem]}" for stem, number in numbers.items() if not _has_face(parts.get(number))),
            *(f"{PARTS}/{path}" for number in alone for path in parts[number].values()),
        )
        if self.missing and not allow_missing:
            found = f"{len(self.missing)} without: {listed(self.missing)}"
            raise DataError(f"{root}: expected skin for every image and an image for every part, got {found}")
        files = [
            LabelledFile(stems[stem], tuple(parts[number].values()))
            for stem, number in numbers.items()
            if _has_face(parts.get(number))
        ]
        points = None if landmarks is None else CsvLandmarks(landmarks)
        super().__init__(Path(root) / IMAGES, files, region=region, landmarks=points, crop=crop)

    def marks(self, index: int, shape: tuple[int, ...]) -> Marks:
        """See :class:`~.labelled_set.LabelledSet`."""
        found: dict[str, Pixels] = {}
        for path in self.files[index].masks:
            part = _part(path.rpartition(".")[0])
            kind = "visible" if part in FACE_PARTS else "occluder" if part in self.occluders else "others"
            file = self.part_root / path
            mark = fitted(read_mask(file), shape, file, enlarged=True)
            found[kind] = found[kind] | mark if kind in found else mark
        # what several parts claim is what lies in front
        if "occluder" in found:
            found["visible"] &= ~found["occluder"]
            if "others" in found:
                found["others"] &= ~found["occluder"]
        return Marks(**found)


def _by_image(stems: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the files of parts by the number of their image and by part; other files are passed over."""
    found: dict[str, dict[str, str]] = {}
    known = {*FACE_PARTS, *OTHER_PARTS}
    for stem, path in stems.items():
        part = _part(stem)
        if part in known:
            number = _number(stem.rpartition("/")[2][: -len(part) - 1])
            if part in (one := found.setdefault(number, {})):
                raise DataError(f"{path}: expected one file of each part of image {number}, got {one[part]} as well")
            one[part] = path
    return found


def _part(stem: str) -> str:
    """Return what is behind the number of a part's name: ``l_eye`` of ``3/06012_l_eye``."""
    return stem.rpartition("/")[2].partition("_")[2]


def _number(stem: str) -> str:
    return stem.rpartition("/")[2].lstrip("0") or "0"


def _has_face(parts: dict[str, str] | None) -> bool:
    return parts is not None and "skin" in parts

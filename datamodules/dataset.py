"""Faces of a source, occluded, resized and labelled: the one path from a stored image to a batch."""

import cv2
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from datamodules.augmentation import Augmentation
from datamodules.device_drawing import PLAIN
from datamodules.errors import DataError
from datamodules.face_samples import FaceSample
from datamodules.occluders.drawing_plan import Planned, PlanningOccluder
from datamodules.occluders.occluder import EpochOccluder, Occluded, Occluder
from datamodules.randomness import sample_generator
from datamodules.sampler import Draw
from datamodules.seams.conditions import CLEAN, REAL
from datamodules.seams.face_source import FaceSource, Landmarks, UInt8Image
from datamodules.seams.label_maps import LabelMaps, resized_labels
from datamodules.sources.aligned_crop import check_aligned_crop
from datamodules.sources.landmarks import LandmarkSource
from losses.label_map import FACE, OCCLUDER


class FaceDataset(Dataset[FaceSample]):
    """Chosen images of a source with their labels, each occluded by a function of (seed, epoch, index, view).

    Args:
        source: Where the images come from.
        indices: Images used, ``(N,)``, as indices of ``source``.
        labels: Their labels, ``(N,)``.
        landmarks: Where the landmarks of an image are.
        image_size: Side of the square images that come out, in pixels.
        occluder: What may cover a face; ``None`` leaves every face clean.
        augmentation: Random changes after occlusion, or ``None``.
        seed: Seed of occluders and augmentation.
        stream: Keeps the randomness of, say, training and evaluation apart.
        condition: What the faces are evaluated under: every face is labelled by it, whatever category its occluder
            says. ``None`` labels each by its occluder's category.
        clean_views: Whether a sample also has its image as it is without occluder and augmentation.
        given_labels: Whose label maps the faces have before an occluder is drawn: what covers a photograph stays
            covered, and what is drawn on top counts wherever it is. ``None`` takes every photograph for uncovered.
        on_device: Leave to the device what it can draw and augment; label maps are the same.
    """

    def __init__(
        self,
        source: FaceSource,
        indices: NDArray[np.int64],
        labels: NDArray[np.int64],
        *,
        landmarks: LandmarkSource,
        image_size: int,
        occluder: Occluder | None = None,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        stream: str = "training",
        condition: str | None = None,
        clean_views: bool = False,
        given_labels: LabelMaps | None = None,
        on_device: bool = False,
    ) -> None:
        self.source = source
        self.indices = indices
        self.labels = labels
        self.landmarks = landmarks
        self.image_size = image_size
        self.occluder = occluder
        self.augmentation = augmentation
        self.seed = seed
        self.stream = stream
        self.condition = condition
        self.clean_views = clean_views
        self.given_labels = given_labels
        self.on_device = on_device
        # asked for once: a look at a protocol takes longer than a warp
        self._growing = occluder if isinstance(occluder, EpochOccluder) else None
        self._planning = occluder if on_device and isinstance(occluder, PlanningOccluder) else None

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, draw: Draw | int) -> FaceSample:
        """Return one face; a plain index draws as in epoch 0.

        Raises:
            DataError: If the image cannot be used, or an occluder covers it and says that nothing was drawn.
        """
        known = isinstance(draw, Draw)
        draw = draw if isinstance(draw, Draw) else Draw(0, draw)
        index = int(self.indices[draw.position])
        clean, landmarks = load_face(self.source, index, self.landmarks, self.image_size)
        drawn, layers = self._drawn(clean, landmarks, index, draw, known=known)
        image, mask, category = self._with_given(index, drawn)
        change = PLAIN
        if self.augmentation is not None:
            generator = self._generator("augmentation", index, draw)
            if self.on_device:
                mask, change = self.augmentation.plan(mask, generator)
            else:
                image, mask = self.augmentation(image, mask, generator)
        return FaceSample(
            image=image,
            mask=mask,
            identity=int(self.labels[draw.position]),
            index=index,
            occluder=self.condition or category,
            name=self.source.name(index),
            clean=clean if self.clean_views else None,
            unfinished=(layers, change) if self.on_device else None,
        )

    def _drawn(self, clean: UInt8Image, landmarks: Landmarks, index: int, draw: Draw, *, known: bool) -> Planned:
        """Return a face as it is covered in an epoch, which need not be ``known``."""
        occluder = self.occluder
        if occluder is None:
            return Planned(Occluded(clean, np.zeros(clean.shape[:2], np.uint8), CLEAN))
        generator = self._generator("occluder", index, draw)
        if self._growing is not None and known:
            occluder = self._growing.at_epoch(draw.epoch)
        if self._planning is not None:
            planned = self._planning.plan(clean, landmarks, generator)
        else:
            planned = Planned(occluder(clean, landmarks, generator))
        if planned.occluded.occluder == CLEAN and planned.occluded.mask.any():  # would count among the clean faces
            raise DataError(
                f"{self.source.name(index)}: expected an occluder with a category other than {CLEAN!r} where it "
                "covers the face"
            )
        return planned

    def _generator(self, what: str, index: int, draw: Draw) -> np.random.Generator:
        suffix = f"/{draw.view}" if draw.view else ""
        return sample_generator(self.seed, draw.epoch, index, stream=f"{self.stream}/{what}{suffix}")

    def _with_given(self, index: int, drawn: Occluded) -> Occluded:
        """Return a drawn face with the label map that its photograph has, and what covers it called by both."""
        covered = (drawn.mask != FACE).astype(np.uint8)  # somebody's occluder may say it by 255, which means another
        if self.given_labels is None:
            return drawn._replace(mask=covered)
        given = resized_labels(self.given_labels.label_map(index), self.image_size)
        mask = np.where(covered, np.uint8(OCCLUDER), given)
        if not (given == OCCLUDER).any():
            return drawn._replace(mask=mask)
        kind = getattr(self.given_labels, "kind", lambda _: REAL)(index)
        return drawn._replace(mask=mask, occluder=kind if drawn.occluder == CLEAN else drawn.occluder)


def load_face(
    source: FaceSource, index: int, landmarks: LandmarkSource, image_size: int
) -> tuple[UInt8Image, Landmarks]:
    """Return image ``index`` as ``(image_size, image_size, 3)`` and its landmarks in the same pixels.

    Raises:
        DataError: If the image cannot be decoded, or is not an aligned crop: too small, or far from square.
    """
    return fit_face(source.image(index), source, index, landmarks, image_size)


def fit_face(
    image: UInt8Image, source: FaceSource, index: int, landmarks: LandmarkSource, image_size: int
) -> tuple[UInt8Image, Landmarks]:
    """Return what :func:`load_face` does of image ``index`` that is decoded already.

    Raises:
        DataError: If it is no aligned crop: too small, or far from square.
    """
    check_aligned_crop(image, source.name(index))
    height, width = image.shape[:2]
    points = landmarks(source, index, height, width)
    if (height, width) == (image_size, image_size):
        return image, points
    # area averaging when shrinking: anything else aliases
    interpolation = cv2.INTER_AREA if image_size < min(height, width) else cv2.INTER_LINEAR
    resized = cv2.resize(image, (image_size, image_size), interpolation=interpolation)
    scale = np.array([image_size / width, image_size / height], np.float32)
    return np.asarray(resized, np.uint8), points * scale

"""Photographs whose occluders somebody has labelled, to train a segmenter on: nobody need know whom they show."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.face_data_module import FaceDataModule
from datamodules.image_split import ImageShares, split_images
from datamodules.seams.face_source import FaceSource
from datamodules.split import IdentitySplit, SplitSettings


class SegmentationDataModule(FaceDataModule):
    """Splits labelled photographs by person, or by image where nobody is known, and batches them with their label maps.

    Photographs keep the label maps that they have; an occluder that is drawn on top covers more. The test loader yields
    the photographs that are kept for it as they are, each labelled by what covers it, then under each of
    ``evaluation_occluders``. What has no label map counts as uncovered before an occluder is drawn.

    Args:
        source: Where the photographs come from, such as :class:`datamodules.sources.MaskFolders`.
        shares: How many are kept for validation and evaluation.
        settings: Further ones of :class:`~datamodules.face_data_module.FaceDataModule`.

    Raises:
        DataError: If there are too few images, or one cannot be used.
        ValueError: If a setting is out of range.
    """

    def __init__(self, source: FaceSource, *, shares: ImageShares = ImageShares(), **settings: Any) -> None:
        self.shares = shares
        super().__init__(source, split=SplitSettings(), identity_batches=None, **settings)

    @property
    def num_classes(self) -> int:
        """None: a network that classifies is refused, as it would be validated on people that it has no class for."""
        return 0

    def describe(self) -> str:
        """Return one line: how many images are trained, validated and evaluated on."""
        train, validation, unseen = (len(part) for part in self.split[:3])
        return (
            f"training on {train:,} labelled images, validating on {validation:,} and evaluating on {unseen:,} others"
            f"{self.looked.describe()}{self.batches.describe()}"
        )

    def _places(self, identities: NDArray[np.int64], split: SplitSettings) -> IdentitySplit:
        return split_images(identities, self.shares, seed=self.seed)

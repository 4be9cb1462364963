"""The region of a face from its own mask: the hull of what is visible of it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.sources.labelled.face_region import Marks, Pixels


class MaskHull:
    """Takes the convex hull of the visible face for the face, without shallow gaps at its edge, as at the hairline.

    An occluder amid the face lies in it; one that covers an edge, such as the chin, does so in part, and what lies
    outside is ignored. Hair that hangs deep into the face is taken for an occluder, where the set does not mark it.

    Args:
        least_share: Parts of the visible face smaller than this share of its largest are passed over, specks of a mask.
        least_depth: Radius of the largest circle in a gap at the edge that is taken for an occluder, as a share of the
            root of the hull's area; shallower ones are ignored.

    Raises:
        ValueError: If a share is not in [0, 1].
    """

    def __init__(self, least_share: float = 0.02, least_depth: float = 0.03) -> None:
        for name, share in (("least_share", least_share), ("least_depth", least_depth)):
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"Expected `{name}` in [0, 1], got {share}")
        self.least_share = least_share
        self.least_depth = least_depth

    def __call__(self, marks: Marks, source: FaceSource, index: int) -> Pixels:
        """See :class:`~.face_region.FaceRegion`."""
        visible = marks.visible
        if visible is None:
            raise DataError(
                f"{source.name(index)}: expected a mask of the visible face for its hull, got an occluder's"
            )
        if not visible.any():
            raise DataError(f"{source.name(index)}: expected a visible face in its mask, got an empty mask")
        _, parts, statistics, _ = cv2.connectedComponentsWithStats(visible.astype(np.uint8), connectivity=8)
        sizes = statistics[1:, cv2.CC_STAT_AREA]
        large = 1 + np.flatnonzero(sizes >= self.least_share * sizes.max())
        rows, columns = np.nonzero(np.isin(parts, large))
        region = hull(np.stack([columns, rows], 1), visible.shape)
        return region & ~self._shallow(region, visible)

    def _shallow(self, region: Pixels, visible: Pixels) -> Pixels:
        """Return the gaps between face and hull that reach its edge and are no deeper than an uneven outline."""
        number, found = cv2.connectedComponents((region & ~visible).astype(np.uint8), connectivity=4)
        gaps = np.asarray(found, np.int64)
        depth = cv2.distanceTransform((region & ~visible).astype(np.uint8), cv2.DIST_L2, 5)
        depths = np.zeros(number)
        np.maximum.at(depths, gaps, depth)
        inner = cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).astype(bool)
        at_edge = np.bincount(gaps[region & ~inner], minlength=number) > 0
        shallow = at_edge & (depths < self.least_depth * np.sqrt(region.sum()))
        shallow[0] = False  # no gap
        chosen: Pixels = shallow[gaps]
        return chosen


def hull(points: NDArray[np.int64] | NDArray[np.float64], shape: tuple[int, ...]) -> Pixels:
    """Return the convex hull of points ``(N, 2)``, x and y in pixels, as a region of an image ``(H, W)``."""
    filled = np.zeros(shape[:2], np.uint8)
    corners = cv2.convexHull(np.round(points).astype(np.int32))
    cv2.fillConvexPoly(filled, corners, 1)
    region: Pixels = filled.astype(bool)
    return region

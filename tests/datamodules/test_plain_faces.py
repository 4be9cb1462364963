"""Images of a source as they are: resized, with label maps where there are some, and told apart by their pixels."""

import numpy as np
from numpy.typing import NDArray

from datamodules.plain_faces import LabelledFaces, image_digests, plain_faces
from datamodules.seams.label_maps import LabelMaps
from tests.helpers.doubles import PlainSource


class Covered(PlainSource):
    """The upper nine rows of every image are covered."""

    def label_map(self, index: int) -> NDArray[np.uint8]:
        label_map = np.zeros(self.size, np.uint8)
        label_map[:9] = 1
        return label_map


def test_sources_with_label_maps_are_known() -> None:
    assert isinstance(Covered([2]), LabelMaps)
    assert not isinstance(PlainSource([2]), LabelMaps)


def test_a_pixel_is_covered_where_half_of_it_is() -> None:
    for image_size, rows in ((32, 9), (16, 5), (8, 2)):
        faces = LabelledFaces(Covered([2, 1]), image_size)
        assert len(faces) == 3
        assert faces[1].mask.sum(0).tolist() == [rows] * image_size
        assert faces[1].mask[:rows].all()


def test_images_are_chosen_and_resized_and_none_is_covered() -> None:
    faces = plain_faces(PlainSource([2, 2]), np.array([3, 1]), 16)
    assert [face.image.shape for face in (faces[0], faces[1])] == [(16, 16, 3)] * 2
    assert [int(face.image.max()) for face in (faces[0], faces[1])] == [3, 1]
    assert not faces[0].mask.any()


def test_digests_tell_pixels_and_shapes_apart() -> None:
    one, other = (image_digests(PlainSource([300], size=size)) for size in ((8, 4), (4, 8)))
    assert one[0] == one[256]  # of one grey level
    assert len(set(one)) == 256
    assert not set(one) & set(other)

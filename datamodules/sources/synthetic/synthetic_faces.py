"""Synthetic faces as a source: people who do not exist, in as many photos as needed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources.synthetic.cache import Collection, load_or_render
from datamodules.sources.synthetic.renderer import RenderedFaces

_SMALLEST, _LARGEST = 16, 512


class SyntheticFaces:
    """Procedural 2.5-D faces; satisfies :class:`~datamodules.seams.face_source.FaceSource`.

    Identities differ in about seventy parameters of facial parts: outline, chin, ears, eyes, brows, nose, mouth,
    cheekbones, skin, folds, beard, moles, freckles and hair. Photos of one differ in pose, expression,
    gaze, light, colour cast, the way the hair is worn, clothes, background, blur and noise, so that neither
    the mean colour nor the background tells who it is.

    Image ``i`` is photo ``i % images_per_identity`` of identity ``i // images_per_identity``. A face is a pure
    function of (seed, identity, photo): identity 7 looks the same however many there are, and its photo 3
    the same picture however many it has.

    Faces are aligned loosely, as a detector's crops are. The mean landmarks, as shares of the image's side,
    are left eye (0.374, 0.450), right eye (0.627, 0.451), nose (0.499, 0.615), mouth corners (0.401, 0.716)
    and (0.599, 0.717): four fifths of the usual 112-pixel alignment, so that hair, ears and chin are seen.

    Args:
        num_identities: Number of identities.
        images_per_identity: Photos of each.
        image_size: Side of the square images in pixels, from 16 to 512; drawn for 48 to 224.
        seed: Chooses the identities and their photos.
        cache_dir: Folder in which every face is rendered once, when the source is built, and read from
            afterwards; without it each is rendered anew whenever it is asked for.
        num_workers: Processes that fill the cache; see :func:`load_or_render`.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> faces = SyntheticFaces(num_identities=3, images_per_identity=2, image_size=48)
        >>> len(faces), faces.name(5), faces.image(5).shape
        (6, 'synthetic-00002/001', (48, 48, 3))
    """

    def __init__(
        self,
        num_identities: int = 260,
        images_per_identity: int = 20,
        image_size: int = 64,
        seed: int = 0,
        cache_dir: Path | str | None = None,
        num_workers: int = 0,
    ) -> None:
        _check_least("num_identities", num_identities, 1)
        _check_least("images_per_identity", images_per_identity, 1)
        _check_least("seed", seed, 0)
        _check_least("num_workers", num_workers, 0)
        if not _SMALLEST <= image_size <= _LARGEST:
            raise ValueError(f"Expected `image_size` in [{_SMALLEST}, {_LARGEST}], got {image_size}")
        self.cache_dir = None if cache_dir is None else Path(cache_dir)
        self.num_workers = num_workers
        self._collection = Collection(num_identities, images_per_identity, image_size, seed)
        self._cached: RenderedFaces | None = None
        self._open_cache()

    @property
    def decoded(self) -> bool:
        """Whether images are kept as pixels, with nothing to render or decode."""
        return self.cache_dir is not None

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every image, ``(N,)``."""
        identities = np.arange(self._collection.num_identities, dtype=np.int64)
        return np.repeat(identities, self._collection.images_per_identity)

    @property
    def identity_names(self) -> Sequence[str]:
        """``synthetic-00000`` and so on."""
        return [f"synthetic-{identity:05d}" for identity in range(self._collection.num_identities)]

    def __len__(self) -> int:
        return len(self._collection)

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(S, S, 3)`` uint8 RGB.

        Raises:
            IndexError: If there is no such image.
        """
        faces, row = self._find(index)
        return np.array(faces.images[row])

    def landmarks(self, index: int) -> Landmarks | None:
        """True places of eyes, nose tip and mouth corners, ``(5, 2)`` in pixels, hidden ones too.

        Raises:
            IndexError: If there is no such image.
        """
        return self.all_landmarks(index)[:5]

    def all_landmarks(self, index: int) -> Landmarks:
        """Twelve landmarks, ``(12, 2)``: the five, then eye corners from left to right, lips and chin.

        The lips are given by the middle of the upper lip's upper and of the lower lip's lower edge.

        Raises:
            IndexError: If there is no such image.
        """
        faces, row = self._find(index)
        return np.array(faces.landmarks[row])

    def name(self, index: int) -> str:
        """Name of the identity and number of the photo: ``synthetic-00012/003``.

        Raises:
            IndexError: If there is no such image.
        """
        identity, draw = divmod(self._check_index(index), self._collection.images_per_identity)
        return f"synthetic-{identity:05d}/{draw:03d}"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cached": None}  # a copy in another process maps the files itself

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def _open_cache(self) -> RenderedFaces | None:
        if self._cached is None and self.cache_dir is not None:
            self._cached = load_or_render(self._collection, self.cache_dir, self.num_workers)
        return self._cached

    def _find(self, index: int) -> tuple[RenderedFaces, int]:
        index = self._check_index(index)
        cached = self._open_cache()
        return (self._collection.render(index, index + 1), 0) if cached is None else (cached, index)

    def _check_index(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(f"Expected an index in [0, {len(self) - 1}], got {index}")
        return index


def _check_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"Expected `{name}` >= {least}, got {value}")

"""What the images of a source are called in shards: keys that WebDataset splits as they are meant."""

import os
from collections.abc import Iterator
from typing import Literal

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.sources.decode import IMAGE_EXTENSIONS, complete_format
from datamodules.sources.shards.shard_contents import splits_into

Names = Literal["original", "number"]

_REMEDY = "--names=number calls images by numbers"
_LONGEST = 100  # bytes, what every tar has room for without extensions
_ENDINGS = {"JPEG": "jpg", "PNG": "png", "BMP": "bmp", "WebP": "webp", "TIFF": "tif"}


class ShardNames:
    """Keys and endings of a source's images.

    Args:
        source: The images.
        names: ``"original"`` keeps what the source calls them, ``"number"`` calls them by their place among the written
            ones.

    Raises:
        DataError: By :meth:`check`, if WebDataset would read other keys, or one twice.
    """

    def __init__(self, source: FaceSource, names: Names) -> None:
        self._source, self._original = source, names == "original"

    def check(self) -> None:
        """Refuse names that are no keys, before anything is written."""
        previous = ""
        for key, ending in self._of_source() if self._original else ():
            file = f"{key}.{ending}"
            if not splits_into(file, key, ending):
                raise DataError(f"{file}: expected one dot, before the ending, as a key ends at the first; {_REMEDY}")
            if len(os.fsencode(file)) > _LONGEST:
                raise DataError(f"{file}: expected at most {_LONGEST} bytes as a name in a tar file; {_REMEDY}")
            # names are sorted: those that differ in their endings are neighbours
            if key == previous:
                raise DataError(f"{file}: expected one image of a name, got two with different endings; {_REMEDY}")
            previous = key

    def key(self, index: int, place: int) -> str:
        """Return the key of image ``index`` of the source, which is written as number ``place``."""
        return _split(self._source.name(index))[0] if self._original else f"{place:09d}"

    def ending(self, index: int, data: bytes) -> str:
        """Return the ending of an image with these bytes."""
        name = self._source.name(index)
        return _split(name)[1] or _ENDINGS[complete_format(data, name=name)]

    def _of_source(self) -> Iterator[tuple[str, str]]:
        for index in range(len(self._source)):
            key, ending = _split(self._source.name(index))
            yield key, ending or _ENDINGS["JPEG"]


def _split(name: str) -> tuple[str, str]:
    """Return key and ending; the key of a RecordIO pack has none."""
    key, extension = os.path.splitext(name)  # noqa: PTH122  a name, and no path of this system
    return (key, extension[1:].lower()) if extension.lower() in IMAGE_EXTENSIONS else (name, "")

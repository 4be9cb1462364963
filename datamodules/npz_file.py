"""Arrays of an ``.npz`` archive, read so that no number in the file decides how much memory is taken."""

import io
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 1 << 28
"""Of one array; an occlusion map of 1024 × 1024 pixels has 4 MiB."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npz(path: Path, wanted: Collection[str]) -> dict[str, NDArray[Any]]:
    """Return those of the wanted arrays that an archive holds; nothing is unpickled.

    Raises:
        ValueError: Also where an array is larger than ``MOST_BYTES``, or another size than its header says. A damaged
            archive can raise other errors of ``zipfile``, ``zlib`` and the operating system.
    """
    with zipfile.ZipFile(path) as archive:
        names = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
        return {name: _array(archive, names[name]) for name in wanted if name in names}


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    if archive.getinfo(name).file_size > MOST_BYTES:
        raise ValueError(f"Expected arrays of at most {MOST_BYTES} bytes, got {archive.getinfo(name).file_size}")
    content = archive.read(name)  # not more than that
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"Expected an array of format 1.0 or 2.0, got {version}")
    shape, fortran_order, dtype = _HEADERS[version](file)
    held = np.frombuffer(content, np.uint8, offset=file.tell())
    if dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError(f"Expected an array of numbers or text, got {dtype} of shape {shape}")
    # made on the bytes that are there: too few are refused, and copied, as the others go
    return np.ndarray(shape, dtype, held.tobytes(), order="F" if fortran_order else "C").copy()

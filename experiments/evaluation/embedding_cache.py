"""Rows of numbers that were computed of images, each kept by the image's digest."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning.utilities import rank_zero_info

from datamodules.whole_file import whole_file
from experiments.cli.first_process import warn
from experiments.runs.digests import digest
from lightning_modules.networks.foreign import foreign

Rows = NDArray[Any]


def cached_rows(
    digests: Sequence[bytes], folder: Path | None, compute: Callable[[Sequence[int]], Rows], *, label: str
) -> Rows:
    """Return a row for each image; those of equal digests are computed once, and those that are kept not at all.

    Args:
        digests: Sixteen bytes for each image.
        folder: Where rows are kept, for whatever a row depends on besides the image; ``None`` keeps none.
        compute: Returns the rows of some images, finite numbers.
        label: What to call the work.
    """
    known = kept_rows(folder)
    first = {digest: index for index, digest in reversed(list(enumerate(digests))) if digest not in known}
    missing = sorted(first.values())
    rank_zero_info(f"{label}: {len(missing):,} of {len(digests):,} images to embed")
    if missing:
        new = {digests[index]: row for index, row in zip(missing, compute(missing), strict=True)}
        known |= new
        _keep(folder, new)
    return np.stack([known[digest] for digest in digests])


def kept_rows(folder: Path | None) -> dict[bytes, Rows]:
    """Return what is kept, by digest. A damaged file is passed over with a warning, and so is what is not finite."""
    known: dict[bytes, Rows] = {}
    for path in sorted(folder.glob("*.npz")) if folder is not None else []:
        try:
            with foreign("a file of kept embeddings", path):
                known |= _read(path)
        except ValueError as error:
            warn(f"{error}; its images are embedded again")
    return known


def _read(path: Path) -> dict[bytes, Rows]:
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        digests, rows = file["digests"], file["embeddings"]
    if digests.dtype != np.uint8 or digests.shape != (len(rows), 16):
        raise ValueError(f"digests of {digests.dtype} {digests.shape} for {len(rows)} rows")
    finite = np.isfinite(rows.reshape(len(rows), -1)).all(1)
    if not finite.all():
        raise ValueError(f"{int((~finite).sum())} rows that are not finite")
    return {digest.tobytes(): row for digest, row in zip(digests, rows, strict=True)}


def _keep(folder: Path | None, new: Mapping[bytes, Rows]) -> None:
    """Write one file, whole or not at all, named by its content: processes that write the same do not disturb.

    Rows that cannot be kept are lost to later runs, not to this one.
    """
    if folder is None:
        return
    digests = np.frombuffer(b"".join(new), np.uint8).reshape(len(new), 16)
    name = digest(digests.tobytes())
    try:
        with whole_file(folder / f"{name}.npz") as file:
            np.savez(file, digests=digests, embeddings=np.stack(list(new.values())))
    except OSError as error:
        warn(f"{folder}: {len(new):,} embeddings could not be kept: {error.strerror}")

"""Rendered faces on disk: memory-mapped arrays that are complete or not there."""

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from datamodules.sources.synthetic.renderer import CHUNK, LANDMARKS, RENDERER_VERSION, RenderedFaces, render

_TASK = 16 * CHUNK  # faces per task: some tenths of a second
_LONG = 5_000  # from so many faces on a progress bar says how far it is


@dataclass(frozen=True)
class Collection:
    """Settings that determine every pixel of a collection of faces."""

    num_identities: int
    images_per_identity: int
    image_size: int
    seed: int

    def __len__(self) -> int:
        """Number of images."""
        return self.num_identities * self.images_per_identity

    @property
    def stem(self) -> str:
        """Name that no other settings and no other version of the renderer have.

        Example:
            >>> Collection(2, 3, 64, seed=0).stem == Collection(2, 3, 64, seed=1).stem
            False
        """
        settings = sorted({**asdict(self), "version": RENDERER_VERSION}.items())
        return f"synthetic-faces-{sha256(repr(settings).encode()).hexdigest()[:16]}"

    def render(self, start: int, stop: int) -> RenderedFaces:
        """Render images ``start`` to ``stop - 1``."""
        identities, draws = np.divmod(np.arange(start, stop), self.images_per_identity)
        return render(identities.tolist(), draws.tolist(), size=self.image_size, seed=self.seed)


_Task = tuple[Collection, Path, int]


def load_or_render(collection: Collection, folder: Path, num_workers: int = 0) -> RenderedFaces:
    """Map the faces of a collection from ``folder``, after rendering them where they are not there or damaged.

    Several processes may do so at once: each puts complete files in place, one after the other.

    Args:
        collection: What to render.
        folder: Made if it does not exist.
        num_workers: Processes that render; 0 and 1 render in this one. They start by spawning, so that a
            script that calls this keeps its work under ``if __name__ == "__main__"``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    faces = _load(collection, folder)
    if faces is None:
        _render_files(collection, folder, num_workers)
        faces = _load(collection, folder)
    if faces is None:
        raise OSError(f"Expected readable faces after rendering them to {folder}: is the disk full?")
    return faces


def _paths(collection: Collection, folder: Path) -> tuple[Path, Path]:
    return folder / f"{collection.stem}-images.npy", folder / f"{collection.stem}-landmarks.npy"


def _shapes(collection: Collection) -> tuple[tuple[int, ...], tuple[int, ...]]:
    size = collection.image_size
    return (len(collection), size, size, 3), (len(collection), LANDMARKS, 2)


def _load(collection: Collection, folder: Path) -> RenderedFaces | None:
    """Map the files, or return ``None`` where they are missing, cut short or somebody else's."""
    try:
        images, landmarks = (np.load(path, mmap_mode="r") for path in _paths(collection, folder))
    except (OSError, ValueError, EOFError):
        return None
    if (images.shape, landmarks.shape) != _shapes(collection):
        return None
    if (images.dtype, landmarks.dtype) != (np.uint8, np.float32):
        return None
    faces = RenderedFaces(images, landmarks)
    return faces if _agrees(collection, faces) else None


def _agrees(collection: Collection, faces: RenderedFaces) -> bool:
    """Render first, middle and last face again; another processor may round the odd pixel differently."""
    for index in {0, len(collection) // 2, len(collection) - 1}:
        fresh = collection.render(index, index + 1)
        if not np.allclose(faces.landmarks[index], fresh.landmarks[0], atol=1e-3):
            return False
        if np.abs(faces.images[index].astype(np.int16) - fresh.images[0]).mean() > 0.5:
            return False
    return True


def _render_files(collection: Collection, folder: Path, num_workers: int) -> None:
    with tempfile.TemporaryDirectory(prefix=".rendering-", dir=folder) as name:
        unfinished = _paths(collection, Path(name))
        shapes = _shapes(collection)
        for path, shape, dtype in zip(unfinished, shapes, (np.uint8, np.float32), strict=True):
            np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape).flush()
            _reserve(path)
        _run_tasks(collection, Path(name), num_workers)
        for path, final in zip(unfinished, _paths(collection, folder), strict=True):
            os.replace(path, final)  # noqa: PTH105  # atomic; an older file stays mapped where it is in use


def _reserve(path: Path) -> None:
    """Take the room of a file now: writing to a map of it on a full disk would kill the process.

    Raises:
        OSError: If there is not enough.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:
                raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error


def _run_tasks(collection: Collection, folder: Path, num_workers: int) -> None:
    tasks = [(collection, folder, start) for start in range(0, len(collection), _TASK)]
    done = _in_processes(tasks, num_workers) if num_workers > 1 else map(_render_task, tasks)
    quiet = len(collection) < _LONG
    for _ in track(done, description="Rendering faces", total=len(tasks), disable=quiet, transient=True):
        pass


def _in_processes(tasks: list[_Task], num_workers: int) -> Iterator[None]:
    # Spawned, not forked: the parent may already run threads.
    spawn = get_context("spawn")
    with ProcessPoolExecutor(num_workers, mp_context=spawn, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield from pool.map(_render_task, tasks)


def _render_task(task: _Task) -> None:
    collection, folder, first = task
    images, landmarks = (np.load(path, mmap_mode="r+") for path in _paths(collection, folder))
    last = min(first + _TASK, len(collection))
    for start in range(first, last, CHUNK):
        stop = min(start + CHUNK, last)
        images[start:stop], landmarks[start:stop] = collection.render(start, stop)
    images.flush()
    landmarks.flush()

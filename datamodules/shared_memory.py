"""The memory in which loading processes hand their batches over: of a container, often 64 MB."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor
from torch.utils.data import get_worker_info

from datamodules.errors import DataError

SHARED = Path("/dev/shm")  # noqa: S108  # where Linux has it; no file of ours is written there
AHEAD = 2
"""Batches that a loading process works ahead: torch's ``prefetch_factor``."""
MIB = 1 << 20

REMEDY = "give the container more (docker run --shm-size=2g), or load in the training process (num_workers=0)"


def check_shared_memory(
    image_size: int, loaders: Iterable[tuple[int, int]], *, workers: int, trainings: int = 1
) -> None:
    """Refuse loading processes that would wait for memory, or be killed for want of it.

    Args:
        image_size: Side of the images in pixels; a face has a byte for each of three colours and of its label map.
        loaders: Of each, which works when the others do not: faces in a batch, and faces in all.
        workers: Loading processes of one training process.
        trainings: Training processes of this machine.

    Raises:
        DataError: If what they work ahead is more than there is.
    """
    if not workers or not SHARED.is_dir():
        return
    ahead = AHEAD * workers + 1  # and the one that is trained on
    faces = max(min(ahead * batch, count) for batch, count in loaders)
    needed = trainings * faces * 4 * image_size**2
    free = shutil.disk_usage(SHARED).free
    if needed > free:
        processes = f"{workers} loading processes" + (f" of each of {trainings}" if trainings > 1 else "")
        raise DataError(
            f"Expected {needed / MIB:,.0f} MiB free in {SHARED}, shared memory, for the batches of {processes}, got "
            f"{free / MIB:,.0f} MiB: {REMEDY}"
        )


def hand_over(tensors: Iterable[Tensor]) -> None:
    """Move a batch of a loading process to shared memory, where the training takes it from.

    The queue would do so itself, but in a thread whose errors nobody hears: the training would wait for ever.

    Raises:
        DataError: If there is no room.
    """
    if get_worker_info() is None:
        return
    for tensor in tensors:
        try:
            tensor.share_memory_()  # type: ignore[no-untyped-call]  # torch's own
        except (RuntimeError, OSError) as error:
            wanted = f"{tensor.nbytes / MIB:,.1f} MiB more of shared memory ({SHARED}) for a batch"
            raise DataError(f"Expected {wanted}, got none: {REMEDY}") from error

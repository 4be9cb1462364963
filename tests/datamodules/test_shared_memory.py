"""Where shared memory is small, as in a container, nothing waits for ever: it is refused, or fails in one line."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, get_worker_info

from datamodules import FaceDataModule, Loading, SplitSettings
from datamodules.errors import DataError
from datamodules.face_samples import collate_faces
from datamodules.occluders.occluder import Occluded
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.shared_memory import check_shared_memory
from tests.helpers.doubles import PlainSource, RandomSquare

MIB = 1 << 20


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list whose item is what is free of shared memory."""
    left = [64 * MIB]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=left[0]))
    return left


def test_the_batches_that_are_loaded_ahead_must_fit(free: list[int]) -> None:
    # two for each of four processes and the one in use, of 64 faces with three colours and a label
    needed = 9 * 64 * 4 * 224 * 224
    for left, fits in ((needed, True), (needed - 1, False)):
        free[0] = left
        if fits:
            check_shared_memory(224, [(64, 10_000)], workers=4)
            continue
        with pytest.raises(DataError, match=r"Expected 110 MiB free in /dev/shm, .*4 loading processes, got 110 MiB"):
            check_shared_memory(224, [(64, 10_000)], workers=4)
    with pytest.raises(DataError, match=r"Expected 22. MiB .* 4 loading processes of each of 2, .*--shm-size"):
        check_shared_memory(224, [(1, 1), (64, 10_000)], workers=4, trainings=2)


def test_what_is_never_loaded_needs_no_room(free: list[int]) -> None:
    check_shared_memory(224, [(64, 300)], workers=4)  # 57 MiB in all
    check_shared_memory(224, [(64, 10_000)], workers=0)


@pytest.mark.parametrize("stage", ["fit", "test"])
def test_a_data_module_refuses_before_it_loads(stage: str, free: list[int]) -> None:
    data = FaceDataModule(
        PlainSource([12] * 8),
        image_size=32,
        loading=Loading(num_workers=2),
        split=SplitSettings(min_images=10, num_unseen=3),
    )
    data.setup(stage)
    free[0] = 50_000  # 18 images of the evaluation, 45 of training
    with pytest.raises(DataError, match="2 loading processes"):
        data.setup(stage)
    data.loading = Loading(num_workers=0)
    data.setup(stage)


def test_a_clean_view_takes_the_room_of_a_face(free: list[int]) -> None:
    data = FaceDataModule(
        PlainSource([12] * 8),
        image_size=32,
        loading=Loading(num_workers=2, clean_views=True),
        split=SplitSettings(min_images=10, num_unseen=3),
    )
    free[0] = 2 * len(data.split.train) * 4 * 32 * 32
    data.setup("fit")
    free[0] -= 1
    with pytest.raises(DataError, match="2 loading processes"):
        data.setup("fit")


class NoRoom(RandomSquare):
    """Lets a loading process find no shared memory."""

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        def full(self: torch.Tensor) -> None:
            raise RuntimeError(
                "unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)"
            )

        if get_worker_info() is not None:
            torch.Tensor.share_memory_ = full  # type: ignore[method-assign]  # in this process, which ends
        return super().__call__(image, landmarks, generator)


def test_a_loading_process_without_room_says_so_and_nobody_waits() -> None:
    data = FaceDataModule(
        PlainSource([12] * 8),
        training_occluder=NoRoom(),
        image_size=32,
        loading=Loading(num_workers=1),
        split=SplitSettings(min_images=10, num_unseen=3),
    )
    faces = data.train_dataloader().dataset
    loader = DataLoader(faces, batch_size=64, num_workers=1, collate_fn=collate_faces)
    with pytest.raises(DataError, match=r"Expected 0\.\d MiB more of shared memory .*--shm-size=2g.*num_workers=0"):
        next(iter(loader))


def test_a_loading_process_hands_over_shared_memory_and_the_training_itself_does_not() -> None:
    data = FaceDataModule(
        PlainSource([12] * 8),
        image_size=32,
        loading=Loading(num_workers=0),
        split=SplitSettings(min_images=10, num_unseen=3),
    )
    faces = data.val_dataloader().dataset
    for workers in (0, 1):
        (batch,) = DataLoader(
            faces, batch_size=len(data.split.validation), num_workers=workers, collate_fn=collate_faces
        )
        for key in ("image", "mask", "identity", "index"):
            assert batch[key].untyped_storage().is_shared() == bool(workers), key

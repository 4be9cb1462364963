"""Trainings from shards: the same batches on any number of processes and workers, resumed wherever they were left."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from datamodules import FaceBatch, FaceDataModule, IdentityBatches, ImageChecks, Loading, SplitSettings
from datamodules.errors import DataError
from datamodules.occluders import OccluderMixture
from datamodules.shard_sampler import ShardSampler
from datamodules.sources import ImageFolder, Shards
from tests.helpers.doubles import RandomSquare
from tests.helpers.faces_on_disk import write_image_folder
from tests.helpers.sharded_faces import sharded

EPOCH = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts = {f"p{number:02}": 12 for number in range(8)}
    return write_image_folder(tmp_path_factory.mktemp("faces"), counts, size=(32, 32))


@pytest.fixture(scope="module")
def root(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sharded(folder, tmp_path_factory.mktemp("shards") / "set").root


def data(source: Any, *, batch_size: int = 6, workers: int = 0, **settings: Any) -> FaceDataModule:
    return FaceDataModule(
        source,
        training_occluder=OccluderMixture({"square": RandomSquare()}, {"square": 1.0}),
        image_size=32,
        loading=Loading(batch_size=batch_size, num_workers=workers),
        split=SplitSettings(min_images=10, num_unseen=2),
        **settings,
    )


def batches(made: FaceDataModule, *, world_size: int = 1, rank: int = 0, done: int = 0) -> list[FaceBatch]:
    """Return an epoch's batches of one process of several."""
    made.trainer = SimpleNamespace(training=False, world_size=world_size, global_rank=rank)  # type: ignore[assignment]  # all that is read
    loader: Any = made.train_dataloader()
    loader.next_batch = lambda: done
    loader.sampler.set_epoch(EPOCH)
    return list(loader)


def same(one: FaceBatch, two: FaceBatch) -> bool:
    alike = all(torch.equal(one[key], two[key]) for key in ("image", "mask", "identity", "index"))
    return alike and one["name"] == two["name"]


@pytest.fixture(scope="module")
def whole(root: Path) -> list[FaceBatch]:
    """Return the batches of one process without workers: 66 images, 16 of which are shuffled together."""
    made = data(Shards(root, shuffle_window=16))
    loader: Any = made.train_dataloader()
    assert isinstance(loader.sampler, ShardSampler)
    return batches(made)


def test_each_image_is_seen_once(root: Path, whole: list[FaceBatch]) -> None:
    seen = torch.cat([batch["index"] for batch in whole])
    assert sorted(seen.tolist()) == data(Shards(root)).split.train.tolist()


@pytest.mark.filterwarnings("ignore:This DataLoader will create 3 worker processes:UserWarning")  # on two cores
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_change_nothing(root: Path, whole: list[FaceBatch], workers: int) -> None:
    helped = batches(data(Shards(root, shuffle_window=16), workers=workers))
    assert len(helped) == len(whole) == 11
    assert all(same(one, two) for one, two in zip(whole, helped, strict=True))


@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_each_batch_of_one(root: Path, whole: list[FaceBatch], world_size: int) -> None:
    parts = [
        batches(
            data(Shards(root, shuffle_window=16), batch_size=6 // world_size, workers=rank),
            world_size=world_size,
            rank=rank,
        )
        for rank in range(world_size)
    ]
    for step, batch in enumerate(whole):
        places = {index: place for place, index in enumerate(batch["index"].tolist())}
        together = torch.cat([part[step]["index"] for part in parts])
        order = torch.tensor([places[index] for index in together.tolist()])
        for key in ("image", "mask", "identity", "index"):
            gathered = torch.cat([part[step][key] for part in parts])
            assert torch.equal(gathered, batch[key][order])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_epoch_goes_on_with_the_next_batch(root: Path, whole: list[FaceBatch], workers: int) -> None:
    for done in (1, 2, 5, 10):
        left = batches(data(Shards(root, shuffle_window=16), workers=workers), done=done)
        assert len(left) == 11 - done
        assert all(same(one, two) for one, two in zip(whole[done:], left, strict=True))


def test_a_set_no_larger_than_the_window_is_trained_on_as_from_its_folder(folder: Path, root: Path) -> None:
    grouped: list[dict[str, Any]] = [{}, {"identity_batches": IdentityBatches(identities=3, images=4)}]
    for settings in grouped:
        one, two = (batches(data(source, **settings)) for source in (ImageFolder(folder), Shards(root)))
        assert len(one) == len(two) > 2
        for left, right in zip(one, two, strict=True):
            right["name"] = [name.partition("/")[2] for name in right["name"]]
            assert same(left, right)


def test_batches_of_identities_take_their_images_wherever_they_lie(folder: Path, root: Path) -> None:
    groups = IdentityBatches(identities=3, images=4)
    one, two = (
        [batch["index"].tolist() for batch in batches(data(source, identity_batches=groups))]
        for source in (ImageFolder(folder), Shards(root, shuffle_window=16))
    )
    assert one == two


def test_inside_an_epoch_the_window_and_the_shards_must_be_what_they_were(root: Path) -> None:
    windowed, other, whole = (data(Shards(root, shuffle_window=window)) for window in (16, 17, 1 << 16))
    saved = windowed.batches.depend_on(1)
    for made in (other, whole):
        made.trainer = SimpleNamespace(state=SimpleNamespace(fn="fit"), world_size=1)  # type: ignore[assignment]  # all that is read
        with pytest.raises(DataError, match="Expected images that are shuffled together: 16, as in the epoch inside"):
            made.load_state_dict({"batches": saved})
    windowed.trainer = SimpleNamespace(state=SimpleNamespace(fn="fit"), world_size=1)  # type: ignore[assignment]  # all that is read
    windowed.load_state_dict({"batches": saved})


def test_bad_images_and_copies_are_found_as_elsewhere(tmp_path: Path) -> None:
    faces = write_image_folder(tmp_path / "faces", {f"p{number}": 12 for number in range(8)}, size=(32, 32))
    (faces / "p1/p1_0003.jpg").write_bytes(b"no image")
    (faces / "p2/p2_0004.jpg").write_bytes((faces / "p2/p2_0005.jpg").read_bytes())
    shards = sharded(faces, tmp_path / "shards")
    with pytest.raises(DataError, match=r"shard-000002\.tar: p1/p1_0003\.jpg: expected a JPEG, .* got 8 bytes"):
        data(shards)
    made = data(shards, checks=ImageChecks(on_bad_image="skip", duplicates="drop"))
    assert made.describe().endswith("; 1 unusable images left out; 1 copies left out")
    seen = {index for batch in batches(made) for index in batch["index"].tolist()}
    assert 14 not in seen
    assert not {27, 28} <= seen

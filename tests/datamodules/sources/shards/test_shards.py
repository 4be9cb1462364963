"""Faces in shards: bytes, labels and names of what they were written from, which plain WebDataset reads as well."""

import gc
import pickle
from pathlib import Path

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.seams.stored_runs import StoredRuns
from datamodules.sources import ImageFolder, Shards
from datamodules.sources.shards.shard_writer import ShardLayout
from tests.helpers.faces_on_disk import write_image_folder
from tests.helpers.sharded_faces import sharded

COUNTS = {"ann": 4, "bea": 3, "cid": 5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ImageFolder:
    return ImageFolder(write_image_folder(tmp_path_factory.mktemp("faces"), COUNTS, size=(32, 32)))


@pytest.fixture
def shards(folder: ImageFolder, tmp_path: Path) -> Shards:
    return sharded(folder.root, tmp_path / "shards")


def test_in_the_sources_order_all_is_as_in_the_source(folder: ImageFolder, shards: Shards) -> None:
    source: FaceSource = shards
    assert isinstance(source, StoredRuns)
    assert len(shards) == len(folder) == 12
    assert shards.identities.tolist() == folder.identities.tolist()
    assert list(shards.identity_names) == list(folder.identity_names)
    assert shards.run_starts.tolist() == [0, 5, 10, 12]
    for index in range(12):
        assert shards.encoded(index) == folder.encoded(index)
        assert np.array_equal(shards.image(index), folder.image(index))
        assert shards.name(index) == f"shard-{index // 5:06d}.tar/{folder.name(index)}"
        assert shards.landmarks(index) is None


def test_shuffled_shards_hold_all_images_in_an_order_of_their_seed(folder: ImageFolder, tmp_path: Path) -> None:
    orders = []
    for number, seed in enumerate((0, 0, 1)):
        shards = sharded(folder.root, tmp_path / str(number), ShardLayout(images=5, seed=seed))
        orders.append([shards.name(index).partition("/")[2] for index in range(12)])
        by_name = {folder.name(index): index for index in range(12)}
        for index, name in enumerate(orders[-1]):
            assert shards.encoded(index) == folder.encoded(by_name[name])
            assert shards.identities[index] == folder.identities[by_name[name]]
        assert sorted(orders[-1]) == sorted(by_name)
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves its files open
def test_plain_webdataset_reads_them(folder: ImageFolder, shards: Shards) -> None:
    from webdataset import WebDataset

    urls = [str(shards.root / shard.name) for shard in shards.manifest.shards]
    samples = list(WebDataset(urls, shardshuffle=False))
    gc.collect()
    assert [(f"{sample['__key__']}.jpg", sample["jpg"], int(sample["cls"])) for sample in samples] == [
        (folder.name(index), folder.encoded(index), folder.identities[index]) for index in range(12)
    ]


def test_another_process_reads_the_same(shards: Shards) -> None:
    copy: Shards = pickle.loads(pickle.dumps(shards))  # noqa: S301  our own
    assert len(pickle.dumps(shards)) < 3000  # the index is mapped anew
    assert copy.encoded(11) == shards.encoded(11)
    assert copy.identities.tolist() == shards.identities.tolist()


def test_the_index_is_mapped_and_cannot_be_written_to(shards: Shards) -> None:
    assert not shards.identities.flags.writeable
    assert isinstance(shards.identities.base, np.memmap)


def test_what_a_file_has_lost_is_told_with_shard_and_command(shards: Shards) -> None:
    path = shards.root / "shard-000001.tar"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1024])
    with pytest.raises(
        DataError, match=rf"shard-000001\.tar: expected {len(whole)} bytes, as when it was indexed, got"
    ):
        Shards(shards.root)
    path.unlink()
    with pytest.raises(DataError, match=r"shard-000001\.tar: expected the shard that was indexed, got No such file"):
        Shards(shards.root)


def test_a_shard_of_the_same_size_with_other_images_is_told(shards: Shards) -> None:
    first, second = (shards.root / f"shard-00000{number}.tar" for number in range(2))
    size = max(first.stat().st_size, second.stat().st_size)
    first.write_bytes(second.read_bytes()[:size].ljust(first.stat().st_size, b"\0")[: first.stat().st_size])
    with pytest.raises(
        DataError, match=r"shard-000000\.tar: .*: expected an image of \d+ bytes, as indexed, got \d+; `py"
    ):
        [Shards(shards.root).image(index) for index in range(5)]

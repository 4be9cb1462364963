"""One call for whatever layout the user's faces come in."""

from pathlib import Path

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.sources.decode import IMAGE_EXTENSIONS
from datamodules.sources.image_folder import ImageFolder
from datamodules.sources.recordio import RecordIO
from datamodules.sources.shards.shard_manifest import MANIFEST, is_sharded
from datamodules.sources.shards.shards import Shards


def open_source(path: Path | str) -> FaceSource:
    """Open a folder of faces: a RecordIO pack if ``train.rec`` is in it, shards if there are some, or sub-folders.

    Args:
        path: The folder.

    Raises:
        DataError: If there is no such folder, or it is none of these, or shards without an index.
    """
    path = Path(path)
    if not path.is_dir():
        found = f"the file {path.name}" if path.exists() else "nothing there"
        raise DataError(f"{path}: expected a folder with train.rec, shards or one sub-folder per identity, got {found}")
    # A lone index means a pack whose records are missing; RecordIO says so.
    packed = any((path / name).exists() for name in ("train.rec", "train.idx"))
    if packed:
        return RecordIO(path)
    return Shards(path) if is_sharded(path) and not _is_image_folder(path) else ImageFolder(path)


def _is_image_folder(path: Path) -> bool:
    """Whether a tar file in a folder without a list of shards is none: it lies beside what was taken out of it."""
    images = (file for file in path.glob("*/*") if file.suffix.lower() in IMAGE_EXTENSIONS)
    return not (path / MANIFEST).exists() and any(not file.parent.name.startswith(".") for file in images)


def describe(source: FaceSource) -> str:
    """Say in one line what a source is and how much it holds, for logs."""
    counts = f"{len(source):,} images of {len(source.identity_names):,} identities"
    match source:
        case RecordIO():
            return f"InsightFace RecordIO {source.root}: {counts}"
        case Shards():
            return f"shards {source.root}: {counts} in {len(source.manifest.shards):,} shards"
        case ImageFolder(skipped=0):
            return f"image folder {source.root}: {counts}"
        case ImageFolder():
            return f"image folder {source.root}: {counts} ({source.skipped:,} empty folders skipped)"
    return f"{type(source).__name__}: {counts}"

"""Tar shards of a set of faces, in WebDataset's layout, for sets whose images are too many to be files of their own.

    python -m experiments.shard --data FOLDER --out SHARDS [--images-per-shard 10000 | --megabytes-per-shard 256]
                                [--no-shuffle] [--seed 0] [--names original|number] [--landmarks TABLE]
                                [--alignment arcface|lfw] [--workers N]
    python -m experiments.shard --index SHARDS [--pattern "*.tar"] [--label FIELD] [--workers N]
    python -m experiments.shard --check SHARDS

The first writes the images of a folder, a RecordIO pack or other shards, byte for byte, and an index; interrupted, it
goes on when repeated. The second indexes shards that somebody else has written, or that have changed: samples with an
image and a .cls, or a .json that names whom it shows. The third reads all shards and compares them with their index.
See docs/shards.md.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from datamodules.alignment import agreed_template, declared_settings
from datamodules.alignment.declared import SETTINGS
from datamodules.seams.face_source import FaceSource
from datamodules.sources import CsvLandmarks, LandmarkSource, Shards, SourceLandmarks, describe, open_source
from datamodules.sources.shards.shard_indexing import check_shards, index_shards, write_shards
from datamodules.sources.shards.shard_writer import ShardLayout, Wrote
from experiments.cli import UserError, main
from experiments.cli.arguments import Parser, check_outside, count

TASKS = ("data", "index", "check")


def shard(args: Sequence[str]) -> None:
    """Write, index or check shards.

    Raises:
        UserError: If an option is wrong.
        DataError: If images or shards cannot be used.
    """
    options = _parse(args)
    if options.data is not None:
        _write(options)
    elif options.index is not None:
        with _shown("Indexing", None) as read:
            index_shards(
                Path(options.index), pattern=options.pattern, label=options.label, workers=options.workers, read=read
            )
        print(f"Indexed: {describe(Shards(options.index))}")
    else:
        with _shown("Checking", len(Shards(options.check))) as read:
            check_shards(Path(options.check), read)
        print(f"As they were indexed: {describe(Shards(options.check))}")


def _write(options: argparse.Namespace) -> None:
    folder, out = Path(options.data), Path(options.out)
    check_outside(out, "--data", folder)
    source = open_source(folder)
    print(f"Faces: {describe(source)}")
    try:
        layout = ShardLayout(
            options.images_per_shard, options.megabytes_per_shard, options.shuffle, options.seed, options.names
        )
    except ValueError as error:
        raise UserError(str(error)) from error
    with _shown("Writing", len(source)) as wrote:
        write_shards(
            source,
            out,
            layout,
            landmarks=_landmarks(source, options.landmarks),
            beside=_alignment(folder, options.alignment),
            workers=options.workers,
            wrote=wrote,
        )
    print(f"Written: {describe(Shards(out))}")


def _landmarks(source: FaceSource, table: str | None) -> LandmarkSource | None:
    """Return what the shards' landmarks are: a table's, or those that the source has."""
    if table is not None:
        return CsvLandmarks(table)
    return SourceLandmarks() if source.landmarks(0) is not None else None


def _alignment(folder: Path, given: str | None) -> dict[str, dict[str, object]]:
    """Return what is declared of the crops' alignment, or given, by the name of the file that says so."""
    agreed_template(folder, given, default="")
    declared = declared_settings(folder)
    if declared is None and given is None:
        return {}
    return {SETTINGS: {"template": given} if declared is None else declared[1]}


@contextmanager
def _shown(what: str, total: int | None) -> Iterator[Wrote]:
    """Show how far it is, on a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda images: progress.advance(task, images)


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m experiments.shard", description=__doc__)
    parser.add_argument("--data", help="folder of one sub-folder per identity, RecordIO folder, or shards")
    parser.add_argument("--out", help="folder of the shards that are written")
    parser.add_argument("--images-per-shard", type=count, default=10_000)
    parser.add_argument("--megabytes-per-shard", type=count, help="size of a shard, in the place of its images")
    parser.add_argument("--shuffle", action=argparse.BooleanOptionalAction, default=True, help="images over shards")
    parser.add_argument("--seed", type=int, default=0, help="of the order of the images")
    parser.add_argument("--names", choices=("original", "number"), default="original", help="keys of the samples")
    parser.add_argument("--landmarks", help="table of five points for each image")
    parser.add_argument("--alignment", help="of the crops, where no align_settings.json says it")
    parser.add_argument("--index", metavar="SHARDS", help="folder of shards to index")
    parser.add_argument("--pattern", default="*.tar", help="names of the shards to index")
    parser.add_argument("--label", metavar="FIELD", help="of each .json, which names whom the image shows")
    parser.add_argument("--check", metavar="SHARDS", help="folder of shards to compare with their index")
    parser.add_argument("--workers", type=count, default=os.cpu_count() or 1, help="threads or processes that read")
    options = parser.parse_args(args)
    asked = [task for task in TASKS if getattr(options, task) is not None]
    if len(asked) != 1:
        raise UserError(f"Expected one of --data, --index and --check, got {' and '.join(asked) or 'none'}")
    if (options.data is None) != (options.out is None):
        raise UserError("Expected --data and --out together, got one of them")
    return options


if __name__ == "__main__":
    main(shard)

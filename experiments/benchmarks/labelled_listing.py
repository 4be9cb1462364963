"""How long each reader of labelled photographs takes to list many images, and to say what is missing.

    python -m experiments.benchmarks.labelled_listing [--images 10000] [--repeats 3]

Files of each layout are made in a temporary folder, each a byte long: listing looks at names alone. CelebAMask-HQ has
twelve parts an image.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.table import Table

from datamodules.errors import DataError
from datamodules.sources import COFW, OCFR, CelebAMaskHQ, RealOcc
from datamodules.sources.labelled.celebamask_hq import FACE_PARTS
from experiments.benchmarks.benchmark import median_seconds, parse_options, print_table
from experiments.cli.user_errors import main as run_command

PARTS = (*FACE_PARTS, "hair", "neck", "cloth")


def written(root: Path, name: str, images: int) -> tuple[Callable[[], object], Path]:
    """Write a layout, and return what lists it and a file that it can miss."""
    numbers = range(images)
    if name == "CelebAMask-HQ":
        files = [f"CelebA-HQ-img/{n}.jpg" for n in numbers]
        files += [f"CelebAMask-HQ-mask-anno/{n // 2000}/{n:05d}_{part}.png" for n in numbers for part in PARTS]
        return _made(root, files, lambda: CelebAMaskHQ(root), "CelebAMask-HQ-mask-anno/0/00007_skin.png")
    if name == "OCFR":
        stems = [f"{n // 10:04d}/{n // 10:04d}_{n:05d}" for n in numbers]
        files = [f"occlusions_1/{stem}_occlusion{end}.jpg" for stem in stems for end in ("", "_mask")]
        files += [f"faces/{stem}.jpg" for stem in stems]
        return _made(root, files, lambda: OCFR(root / "occlusions_1", faces=root / "faces"), files[1])
    reader, folder = (COFW, "img") if name == "COFW" else (RealOcc, "image")
    files = [path for n in numbers for path in (f"{folder}/{n:05d}.jpg", f"mask/{n:05d}.png")]
    return _made(root, files, lambda: reader(root), "mask/00007.png")


def _made(root: Path, files: list[str], read: Callable[[], object], missed: str) -> tuple[Callable[[], object], Path]:
    for folder in {(root / file).parent for file in files}:
        folder.mkdir(parents=True)
    for file in files:
        (root / file).write_bytes(b"0")
    return read, root / missed


def measure(name: str, images: int, repeats: int) -> tuple[float, float]:
    """Return the median seconds of listing a layout, and of refusing it for a missing file."""
    with TemporaryDirectory() as folder:
        read, missed = written(Path(folder), name, images)
        listing = median_seconds(read, repeats, clock=time.perf_counter)
        missed.unlink()
        return listing, median_seconds(lambda: _refused(read), repeats, clock=time.perf_counter)


def _refused(read: Callable[[], object]) -> None:
    try:
        read()
    except DataError:
        return
    raise AssertionError("a missing file was not noticed")


def main() -> None:
    """Parse the command line and print a table."""
    options = parse_options(__doc__, images=10_000, repeats=3)
    table = Table("set", "listed in s", "refused for a missing file in s", title=f"{options.images:,} images")
    for name in ("COFW", "RealOcc", "CelebAMask-HQ", "OCFR"):
        table.add_row(name, *(f"{value:.2f}" for value in measure(name, options.images, options.repeats)))
    print_table(table)


if __name__ == "__main__":
    run_command(lambda _: main())

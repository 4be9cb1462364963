"""How fast libraries decode JPEG files of faces, and whether to the same pixels.

    python -m experiments.benchmarks.jpeg_decoding [--data FOLDER] [--images 200] [--repeats 7]

``--data`` is a folder of images, at any depth; without it, faces are generated. Each is brought to 112² and to 224² and
saved with quality 95. Printed are, in one thread, the processor time of an image, how many times as fast as OpenCV that
is in the same repeat, and the largest difference of a level from OpenCV's pixels.
"""

import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
import torch
from rich.table import Table

from datamodules.seams.face_source import UInt8Image
from datamodules.sources import SyntheticFaces
from datamodules.sources.decode import IMAGE_EXTENSIONS, decode_image, read_image
from datamodules.sources.walk import files_below
from experiments.benchmarks.benchmark import parse_options, print_table, seconds, with_span
from experiments.cli.user_errors import main as run_command

SIZES = (112, 224)
OPENCV = "OpenCV"
Decoder = Callable[[bytes], UInt8Image]


def decoders() -> dict[str, Decoder]:
    """Return what decodes, by what to call it."""
    from torchvision.io import ImageReadMode, decode_jpeg  # noqa: PLC0415  slow to load

    def torchvision(data: bytes) -> UInt8Image:
        pixels = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB)
        return np.asarray(pixels.permute(1, 2, 0).contiguous().numpy(), np.uint8)

    found: dict[str, Decoder] = {
        OPENCV: lambda data: np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8),
        "simplejpeg": lambda data: simplejpeg.decode_jpeg(data, "RGB"),
        "torchvision": torchvision,
        "the suite's, which refuses what is cut short": lambda data: decode_image(data, name="a face"),
    }
    try:
        from PIL import Image  # noqa: PLC0415  for tests alone
    except ModuleNotFoundError:
        return found
    return found | {"Pillow": lambda data: np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))}


def faces(folder: str, number: int) -> list[UInt8Image]:
    """Return images of a folder, or generated ones."""
    if not folder:
        return [SyntheticFaces(number, 1, 224).image(index) for index in range(number)]
    return [read_image(Path(folder) / name) for name in files_below(Path(folder), IMAGE_EXTENSIONS)[:number]]


def jpegs(images: Sequence[UInt8Image], size: int) -> list[bytes]:
    """Return images as JPEG files of one size."""
    small = (cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in images)
    how = [cv2.IMWRITE_JPEG_QUALITY, 95]
    return [cv2.imencode(".jpg", cv2.cvtColor(np.asarray(one), cv2.COLOR_RGB2BGR), how)[1].tobytes() for one in small]


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__, data="", images=200, repeats=7)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    images = faces(options.data, options.images)
    table = Table("decoder", "side", "bytes a file", "µs an image", "times as fast as OpenCV", "largest difference")
    for size in SIZES:
        files = jpegs(images, size)
        known = decoders()
        times = [{name: _microseconds(decode, files) for name, decode in known.items()} for _ in range(options.repeats)]
        for name, decode in known.items():
            ratio = with_span([one[OPENCV] / one[name] for one in times], ".2f")
            far = max(int(np.abs(decode(data).astype(int) - known[OPENCV](data)).max()) for data in files)
            spent = with_span([one[name] for one in times], ".0f")
            table.add_row(name, str(size), f"{np.mean([*map(len, files)]):,.0f}", spent, ratio, str(far))
    print_table(table)


def _microseconds(decode: Decoder, files: Sequence[bytes]) -> float:
    spent = seconds(lambda: [decode(data) for data in files], time.process_time)
    return 1e6 * spent / len(files)


if __name__ == "__main__":
    run_command(lambda _: main())

"""Training throughput of SOIDN at the paper's size, and its share of the card's rate of matrix products.

    python -m experiments.benchmarks.throughput [--batch-size 64] [--steps 20] [--precisions 32-true bf16-mixed]
        [--images 240000] [--accelerator auto] [--matmul 8192] [--width 1] [--image-size 224]

Model, optimizer and gradient clipping are those of ``soidn_casia.yaml``, trained by Lightning on one batch of random
images that lies on the device: loading is measured by ``experiments.benchmarks.pipeline``. Each precision runs plain,
channels last, compiled, and both. Images per second are the median over steps. The share is that of the operations of
a step, forward and backward, counted by torch, in the bfloat16 rate of one square matrix product, median over repeats,
measured in the same run; there is none on CPUs. Hours are those of 20 epochs on ``--images`` images.

The paper trains on CASIA-WebFace's 3,459 identities of more than 50 images and does not say how many images they have:
3,459 × 51 = 176,409 at least, 494,414, the whole dataset, at most. The default of 240,000 assumes about 70 each.

On a CPU, small: ``--accelerator=cpu --width=0.125 --image-size=32 --batch-size=8 --steps=3 --matmul=256``.
"""

import argparse
import logging
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentParser
from pytorch_lightning import Callback, Trainer
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.flop_counter import FlopCounterMode

from datamodules.seams.face_batch import FaceBatch
from experiments.errors import main as run_command
from experiments.launch import CONFIGS, Parser
from lightning_modules import SOIDNModule

IDENTITIES = 3459
EPOCHS = 20
WARM_UP = 3  # compilation, choice of algorithms, the optimizer's state


class Random(IterableDataset[FaceBatch]):
    """The same batch of random faces, again and again.

    Args:
        size: Faces.
        side: H and W in pixels.
        device: Where they lie.
    """

    def __init__(self, size: int, side: int, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(0)
        self.batch = FaceBatch(
            image=torch.randint(256, (size, 3, side, side), dtype=torch.uint8, generator=generator).to(device),
            mask=torch.randint(2, (size, side, side), dtype=torch.uint8, generator=generator).to(device),
            identity=torch.randint(IDENTITIES, (size,), generator=generator).to(device),
            index=torch.arange(size),
            occluder=["none"] * size,
        )

    def __iter__(self) -> Iterator[FaceBatch]:
        """Yield it for ever."""
        while True:
            yield self.batch


class Clock(Callback):
    """Times the steps after the warm-up; counts the operations of the first.

    Args:
        count: Whether to count, which a compiled network cannot bear.
    """

    def __init__(self, *, count: bool) -> None:
        self.seconds: list[float] = []
        self.operations = 0
        self._counter = FlopCounterMode(display=False) if count else None
        self._began = 0.0

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: FaceBatch, batch_idx: int) -> None:
        """Begin."""
        if self._counter and batch_idx == 0:
            self._counter.__enter__()  # type: ignore[no-untyped-call]  # torch's
        self._began = now()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: FaceBatch, batch_idx: int
    ) -> None:
        """End: the optimizer has stepped."""
        if self._counter and batch_idx == 0:
            self._counter.__exit__(None, None, None)  # type: ignore[no-untyped-call]  # torch's
            self.operations = self._counter.get_total_flops()
        if batch_idx >= WARM_UP:
            self.seconds.append(now() - self._began)


def main() -> None:
    """Parse the command line, measure and print."""
    options = _parse()
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    device = torch.device("cuda" if options.accelerator != "cpu" and torch.cuda.is_available() else "cpu")
    limit = matmul_rate(options.matmul, device)
    print(f"{hardware(device)}; torch {torch.__version__}; python -m experiments.benchmarks.throughput", *sys.argv[1:])
    print(f"bfloat16 product of {options.matmul}² matrices: {limit / 1e12:.3g} TFLOP/s")
    data = Random(options.batch_size, options.image_size, device)
    table = Table(
        "precision",
        "channels last",
        "compiled",
        "images/s",
        "of the matrix rate",
        "GiB at most",
        f"hours for {EPOCHS} × {options.images:,}",
        title=f"SOIDN, width {options.width:g}, {options.image_size}², batches of {options.batch_size}",
    )
    operations = 0
    ways = product(options.precisions, (False, True), (False, True) if options.compile else (False,))
    for precision, channels_last, compiled in ways:
        clock = train(
            data,
            options,
            precision,
            count=not operations,
            settings={"channels_last": channels_last, "compiled": compiled},
        )
        operations = operations or clock.operations
        seconds = statistics.median(clock.seconds)
        rate = options.batch_size / seconds
        memory = f"{torch.cuda.max_memory_allocated() / 2**30:.1f}" if device.type == "cuda" else "–"
        hours = EPOCHS * options.images / rate / 3600
        yes = [" ×"[way] for way in (channels_last, compiled)]
        # most CPUs compute in bfloat16 by way of float32, far below their own rate
        share = f"{operations / seconds / limit:.1%}" if device.type == "cuda" else "–"
        table.add_row(precision, *yes, f"{rate:,.1f}", share, memory, f"{hours:,.1f}")
    Console(width=120).print(table)
    print(f"{operations / options.batch_size / 1e9:,.1f} GFLOP an image, forward and backward")


def train(
    data: Random, options: argparse.Namespace, precision: Any, *, count: bool, settings: Mapping[str, bool]
) -> Clock:
    """Train for some steps, timed."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    torch.compiler.reset()
    clock = Clock(count=count)
    trainer = Trainer(
        max_steps=WARM_UP + options.steps,
        accelerator=options.accelerator,
        devices=1,
        precision=precision,
        gradient_clip_val=_config()["trainer"]["gradient_clip_val"],
        callbacks=clock,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    warnings.filterwarnings("ignore", message="You defined a `validation_step`")  # nothing is validated
    trainer.fit(soidn(options.width, options.image_size, **settings), DataLoader(data, batch_size=None))
    return clock


def soidn(width: float, image_size: int, **settings: bool) -> SOIDNModule:
    """Return the module of ``soidn_casia.yaml``, for images of ``image_size`` and of ``width`` times its channels."""
    model = _config()["model"]
    model["init_args"] |= {"num_classes": IDENTITIES, **settings}
    network = model["init_args"]["network"]["init_args"]
    network["image_size"] = image_size
    for part in ("trunk", "segmenter"):
        network[part]["init_args"] = {**network[part].get("init_args", {}), "width": width}
    network["head"]["init_args"]["embedding_dim"] = int(width * network["head"]["init_args"]["embedding_dim"])
    if width < 1:
        network["segmenter"]["init_args"]["fully_connected_dim"] = int(width * 4096)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(SOIDNModule, "model")
    module: SOIDNModule = parser.instantiate(parser.parse_object({"model": model})).model
    return module


def matmul_rate(size: int, device: torch.device, repeats: int = 10) -> float:
    """Return the median rate of a bfloat16 product of two square matrices, in operations per second."""
    a, b = (torch.randn(size, size, device=device).bfloat16() for _ in range(2))
    seconds = []
    for _ in range(WARM_UP + repeats):
        began = now()
        a @ b
        seconds.append(now() - began)
    return 2 * size**3 / statistics.median(seconds[WARM_UP:])


def now() -> float:
    """Return the time in seconds when the device has done all it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def hardware(device: torch.device) -> str:
    """Return what computes."""
    if device.type == "cuda":
        return torch.cuda.get_device_name()
    return f"{platform.processor() or platform.machine()} CPU, {torch.get_num_threads()} thread(s)"


def _config() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((CONFIGS / "soidn_casia.yaml").read_text())
    return config


def _parse() -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--precisions", nargs="+", default=["32-true", "bf16-mixed"])
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--images", type=int, default=240_000, help="images of an epoch")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--matmul", type=int, default=8192, help="side of the matrices")
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--image-size", type=int, default=224)
    return parser.parse_args()


if __name__ == "__main__":
    run_command(lambda _: main())

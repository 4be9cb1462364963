"""The paper's systems, trained by Lightning on one batch that lies on the device, and how fast that is."""

import statistics
import warnings
from itertools import repeat
from typing import Any, Literal, NamedTuple

import torch
from jsonargparse import ArgumentParser
from pytorch_lightning import Callback, Trainer
from torch.utils.flop_counter import FlopCounterMode

from datamodules.seams.face_batch import FaceBatch
from experiments.benchmarks.benchmark import WARM_UP, device_memory, forget_device_memory, now
from experiments.cli.foreign_chatter import warnings_only
from experiments.runs.layers import merged
from experiments.runs.resolution import changed
from lightning_modules.base import FaceModule

IDENTITIES = 3459
EPOCHS = 20
IMAGES = 240_000
"""Of an epoch, about; see :mod:`experiments.benchmarks.throughput`."""
GRADIENT_CLIP = 5.0

System = Literal["soidn", "soidn_shared", "baseline"]


class Way(NamedTuple):
    """How a system is trained."""

    batch_size: int = 64
    precision: Any = "bf16-mixed"
    channels_last: bool = False
    compiled: bool | dict[str, Any] = False


class Size(NamedTuple):
    """How large a system is, and where it is trained."""

    width: float
    """Factor on its channels."""
    image_size: int
    """H and W in pixels."""
    device: torch.device


class Speed(NamedTuple):
    """What a training has shown."""

    rate: float
    """Images per second, the median over steps."""
    operations: int
    """Of one image, forward and backward; 0 where they were not counted."""
    memory: float | None
    """Most GiB on the GPU."""

    def hours(self, images: int = IMAGES) -> float:
        """Return the hours of the paper's schedule, epochs of so many images."""
        return EPOCHS * images / self.rate / 3600


def random_faces(number: int, side: int, device: torch.device) -> FaceBatch:
    """Return so many random faces of ``side`` pixels, on a device."""
    generator = torch.Generator().manual_seed(0)
    return FaceBatch(
        image=torch.randint(256, (number, 3, side, side), dtype=torch.uint8, generator=generator).to(device),
        mask=torch.randint(2, (number, side, side), dtype=torch.uint8, generator=generator).to(device),
        identity=torch.randint(IDENTITIES, (number,), generator=generator).to(device),
        index=torch.arange(number),
        occluder=["none"] * number,
    )


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


def measure(system: System, way: Way, size: Size, *, steps: int, count: bool = False) -> Speed:
    """Train a system for ``steps`` after the warm-up, timed; to ``count`` operations a compiled network cannot bear."""
    forget_device_memory()
    torch.compiler.reset()
    clock = Clock(count=count)
    train(system, way, size, clock, steps=WARM_UP + steps)
    rate = way.batch_size / statistics.median(clock.seconds)
    return Speed(rate, clock.operations // way.batch_size, device_memory(size.device))


@warnings_only("pytorch_lightning")
def train(system: System, way: Way, size: Size, watch: Callback, *, steps: int) -> None:
    """Train a system for so many steps on one batch, with nothing beside; see :func:`measure`."""
    warnings.filterwarnings("ignore", message="You defined a `validation_step`")  # nothing is validated
    with size.device:  # weights are drawn there, which takes seconds elsewhere
        trained = module(system, way, size)
    trainer = Trainer(
        max_steps=steps,
        accelerator="cpu" if size.device.type == "cpu" else "gpu",
        devices=1,
        precision=way.precision,
        gradient_clip_val=GRADIENT_CLIP,
        callbacks=watch,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(trained, repeat(random_faces(way.batch_size, size.image_size, size.device)))


def module(system: System, way: Way, size: Size) -> FaceModule:
    """Return a system for the paper's identities, as its configuration has it, but of a size and to be trained so."""
    config, wide = {"model": merged(f"{system}_casia")["model"]}, int(size.width * 4096)
    settings: dict[str, Any] = {
        "num_classes": IDENTITIES,
        "channels_last": way.channels_last,
        "compiled": way.compiled,
        "lr_schedule": None,
        "network.init_args.image_size": size.image_size,
        "network.init_args.trunk.init_args.width": size.width,
        "network.init_args.head.init_args.embedding_dim": wide,
    }
    if system == "soidn":
        segmenter = {"width": size.width, "fully_connected_dim": None if size.width >= 1 else wide}
        settings["network.init_args.segmenter.init_args"] = segmenter
    for key, value in settings.items():
        changed(config, f"model.init_args.{key}", value)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--model", type=FaceModule)
    built: FaceModule = parser.instantiate(parser.parse_object(config)).model
    return built

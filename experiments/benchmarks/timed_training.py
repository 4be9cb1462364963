"""The paper's systems, trained by Lightning on one batch that lies on the device, and how fast that is."""

import statistics
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from pytorch_lightning import Callback, Trainer
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.flop_counter import FlopCounterMode

from datamodules.seams.face_batch import FaceBatch
from experiments.benchmarks.machine import WARM_UP, device_memory, forget_device_memory, now
from experiments.cli.foreign_chatter import warnings_only
from lightning_modules import ClassifierModule, SOIDNModule
from lightning_modules.networks import SOIDN, FaceNet, FCN8s, Normalize, VGG16Head, VGG16Trunk

IDENTITIES = 3459
EPOCHS = 20
IMAGES = 240_000
"""Of an epoch, about; see :mod:`experiments.benchmarks.throughput`."""
GRADIENT_CLIP = 5.0

System = Literal["soidn", "baseline"]


class Way(NamedTuple):
    """How a system is trained."""

    batch_size: int = 64
    precision: Any = "bf16-mixed"
    channels_last: bool = False
    compiled: bool | dict[str, Any] = False
    cudnn_benchmark: bool = False
    """Let cuDNN try its algorithms."""


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


def measure(system: System, way: Way, size: Size, *, steps: int, count: bool = False) -> Speed:
    """Train a system for some steps, timed.

    Args:
        system: Which.
        way: How.
        size: How large, and where.
        steps: Timed, after the warm-up.
        count: Count operations, which a compiled network cannot bear.
    """
    forget_device_memory()
    torch.compiler.reset()
    clock = Clock(count=count)
    train(system, way, size, clock, steps=WARM_UP + steps)
    rate = way.batch_size / statistics.median(clock.seconds)
    return Speed(rate, clock.operations // way.batch_size, device_memory(size.device))


@warnings_only("pytorch_lightning")
def train(system: System, way: Way, size: Size, clock: Clock, *, steps: int) -> None:
    """Train a system for so many steps on one batch, with nothing beside; see :func:`measure`."""
    warnings.filterwarnings("ignore", message="You defined a `validation_step`")  # nothing is validated
    with size.device:  # weights are drawn there, which takes seconds elsewhere
        settings = {"channels_last": way.channels_last, "compiled": way.compiled}
        module = (soidn if system == "soidn" else baseline)(size.width, size.image_size, settings)
    trainer = Trainer(
        max_steps=steps,
        accelerator="cpu" if size.device.type == "cpu" else "gpu",
        devices=1,
        precision=way.precision,
        benchmark=way.cudnn_benchmark,
        gradient_clip_val=GRADIENT_CLIP,
        callbacks=clock,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loader = DataLoader(Random(way.batch_size, size.image_size, size.device), batch_size=None)
    trainer.fit(module, loader)


def soidn(width: float, image_size: int, settings: Mapping[str, Any]) -> SOIDNModule:
    """Return the paper's SOIDN, for images of ``image_size`` and of ``width`` times its channels."""
    segmenter = FCN8s(width, fully_connected_dim=None if width >= 1 else int(width * 4096))
    return SOIDNModule(SOIDN(VGG16Trunk(width), segmenter, _head(width), image_size), IDENTITIES, **_common(settings))


def baseline(width: float, image_size: int, settings: Mapping[str, Any]) -> ClassifierModule:
    """Return the paper's Baseline, as :func:`soidn`."""
    return ClassifierModule(FaceNet(VGG16Trunk(width), _head(width), image_size), IDENTITIES, **_common(settings))


def _head(width: float) -> partial[VGG16Head]:
    return partial(VGG16Head, embedding_dim=int(width * 4096), dropout=0.5)


def _common(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "optimizer": partial(torch.optim.SGD, lr=0.001, momentum=0.9, weight_decay=0.0005),
        "normalize": Normalize(mean=[129.186, 104.762, 93.594], std=[1.0, 1.0, 1.0]),  # VGG-Face's
        **settings,
    }

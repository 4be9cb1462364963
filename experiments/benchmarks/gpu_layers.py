"""Part of the check of a card: which operations a step of SOIDN waits for, and other ways to compute some of them.

A step is profiled after the warm-up. The ways are of FCN-8s's layers at 224 × 224: fc6 is a convolution of 7 × 7 on
maps of 7 × 7, which is a product of matrices where each place's window is a row; scores have two channels. Each is
timed forward and backward, in bfloat16.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from experiments.benchmarks.benchmark import WARM_UP, median_seconds, now
from experiments.benchmarks.device_profile import events_of, longest_operations, profiler
from experiments.benchmarks.gpu_rows import PartRows, Row
from experiments.benchmarks.timed_training import Size, System, Way, train
from lightning_modules.networks.product_convolution import windows_product

PROFILED: tuple[System, ...] = ("soidn",)
STEPS = 3
"""That are profiled."""
OPERATIONS = 14
"""That are named."""
BATCH_SIZES = (64, 256)

Compute = Callable[[Tensor, Tensor], Tensor]


class StepProfile(Callback):
    """Profiles the steps after the warm-up: neither how weights get to the device nor how they leave it."""

    def __init__(self) -> None:
        self.profiler = profiler()
        self.seconds = 0.0
        """Of a step, while profiled."""

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Begin."""
        if batch_idx == WARM_UP:
            self.profiler.start()
            self.seconds = -now()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """End: the optimizer has stepped."""
        if batch_idx == WARM_UP + STEPS - 1:
            self.seconds = (self.seconds + now()) / STEPS
            self.profiler.stop()


class TimedLayer(NamedTuple):
    """A convolution of FCN-8s: ``x`` is ``(B, C, H, W)``."""

    input: tuple[int, int, int]
    """C, H and W."""
    weight: tuple[int, int, int, int]
    ways: Mapping[str, Compute]


def unfold_product(x: Tensor, weight: Tensor) -> Tensor:
    """Return what :func:`windows_product` does, of windows that :func:`torch.nn.functional.unfold` makes."""
    windows = F.unfold(x, weight.shape[2:], padding=weight.shape[2] // 2).transpose(1, 2)  # (B, H·W, C·k·k)
    return F.linear(windows, weight.flatten(1)).transpose(1, 2).reshape(len(x), len(weight), *x.shape[2:])


def place_product(x: Tensor, weight: Tensor) -> Tensor:
    """Return a convolution of 1 × 1 as a product, a place of ``(B, C, H, W)`` a row."""
    return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1)).permute(0, 3, 1, 2)


def channels_first(compute: Compute) -> Compute:
    """Return a way that puts inputs and weights channels first."""
    return lambda x, weight: compute(x.contiguous(), weight.contiguous())


def upsample(x: Tensor, weight: Tensor) -> Tensor:
    """Return a transposed convolution whose kernel is twice its stride, as bilinear interpolation starts."""
    factor = weight.shape[2] // 2
    return F.conv_transpose2d(x, weight, stride=factor, padding=factor // 2)


def same(x: Tensor, weight: Tensor) -> Tensor:
    """Return a convolution that keeps the size."""
    return F.conv2d(x, weight, padding="same")


def layers(width: float = 1.0) -> dict[str, TimedLayer]:
    """Return the layers and the ways, of a share of the channels."""
    conv3, conv5, fc = (int(channels * width) for channels in (256, 512, 4096))
    convolution: dict[str, Compute] = {"convolution": same, "convolution, channels first": channels_first(same)}
    score: dict[str, Compute] = {**convolution, "product": place_product}
    transposed: dict[str, Compute] = {
        "transposed convolution": upsample,
        "the same, channels first": channels_first(upsample),
    }
    return {
        "fc6, 7 × 7": TimedLayer(
            (conv5, 7, 7),
            (fc, conv5, 7, 7),
            {**convolution, "product of unfolded windows": unfold_product, "product of windows": windows_product},
        ),
        "fc7, 1 × 1": TimedLayer((fc, 7, 7), (fc, fc, 1, 1), {"convolution": same, "product": place_product}),
        "score of fc7": TimedLayer((fc, 7, 7), (2, fc, 1, 1), score),
        "score of pool4": TimedLayer((conv5, 14, 14), (2, conv5, 1, 1), score),
        "score of pool3": TimedLayer((conv3, 28, 28), (2, conv3, 1, 1), score),
        "2 times larger": TimedLayer((2, 7, 7), (2, 2, 4, 4), transposed),
        "8 times larger": TimedLayer((2, 28, 28), (2, 2, 16, 16), transposed),
    }


def run(rows: PartRows, device: torch.device, small: bool) -> None:
    """Profile steps, then time each way of each layer."""
    for system in PROFILED:
        whole = {"what": f"profile of a step of {system}, channels last"}
        rows.add_all(whole, partial(_profile, system, device, small))
    batch_sizes = (2,) if small else BATCH_SIZES
    for name, layer in layers(1 / 64 if small else 1.0).items():
        for way, compute in layer.ways.items():
            rows.add({"what": f"{name}: {way}"}, partial(_row, layer, compute, device, batch_sizes))


def _profile(system: System, device: torch.device, small: bool) -> list[Row]:
    profile, batch_size = StepProfile(), 2 if small else BATCH_SIZES[0]
    size = Size(0.125, 32, device) if small else Size(1.0, 224, device)
    train(system, Way(batch_size, channels_last=True), size, profile, steps=WARM_UP + STEPS)
    step = {"what": f"a step of {system}, {batch_size} images, profiled", "ms": profile.seconds * 1e3}
    return [step, *longest_operations(events_of(profile.profiler), OPERATIONS, times=STEPS)]


def _row(layer: TimedLayer, compute: Compute, device: torch.device, batch_sizes: tuple[int, ...]) -> Row:
    return {f"ms at {size}": 1e3 * _seconds(layer, compute, device, size) for size in batch_sizes}


def _seconds(layer: TimedLayer, compute: Compute, device: torch.device, batch_size: int) -> float:
    """Return the median time, forward and backward; inputs lie channels last, as the layers before leave them."""
    torch.manual_seed(0)
    settings: dict[str, Any] = {"device": device, "dtype": torch.bfloat16}
    x, weight = (
        torch.randn(shape, **settings).to(memory_format=torch.channels_last).requires_grad_()
        for shape in ((batch_size, *layer.input), layer.weight)
    )
    towards = torch.randn_like(compute(x, weight)).detach()
    return median_seconds(lambda: torch.autograd.grad(compute(x, weight), (x, weight), towards), 5, warm_up=2)

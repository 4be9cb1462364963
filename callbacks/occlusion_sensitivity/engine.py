"""Evaluates a network under an occluder at any list of (image, row, column)."""

import warnings
from collections.abc import Iterator
from math import prod
from typing import Literal, NamedTuple, Protocol, get_args

import numpy as np
import torch
from torch import Tensor, fx, nn

from callbacks.occlusion_sensitivity.geometry import covered
from callbacks.occlusion_sensitivity.plan import Pair, Plan, make_plan
from callbacks.occlusion_sensitivity.trace import shape_of, trace
from callbacks.occlusion_sensitivity.windows import Chunk, WindowedNetwork

Method = Literal["incremental", "dense"]
BATCH_SIZES: dict[Method, dict[str, int]] = {
    "incremental": {"cpu": 64, "cuda": 4096},
    "dense": {"cpu": 64, "cuda": 1024},
}
"""Occluded images computed at once, by default: whole pictures take more memory than windows. By measurement, CASIA-Net
on an H100: 4,096 windows at once gave 180,000 positions per second, 1,024 gave 136,000."""
IN_CACHE = 2**23
"""Bytes of a map's windows that a CPU computes at once, where that is more of them than by default: calls on few small
windows take longer than the windows. By measurement, CASIA-Net at a quarter of its width, 50 × 50 pixels, with 256
windows at once is 1.3 times as fast as with 64."""
MOST_TIMES = 4
"""How many times the default that may be."""
MOST_IMAGES = 32
"""Images whose clean maps are kept at once, memory allowing: more would not make batches larger."""


class Positions(NamedTuple):
    """Occluded copies of images."""

    image: Tensor
    """``(P,)`` index of the image."""
    row: Tensor
    """``(P,)`` row of the occluder's centre."""
    column: Tensor
    """``(P,)`` column of the occluder's centre."""

    def at(self, index: Tensor) -> "Positions":
        """Return some of them."""
        return Positions(self.image[index], self.row[index], self.column[index])


class Evaluator(Protocol):
    """Evaluates blocks of images of one size under one occluder."""

    block: int
    """How many images are best given at once."""

    def __call__(self, images: Tensor, positions: Positions) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (indices of positions ``(B,)``, logits ``(B, n)``) until every position had its turn."""
        ...


def make_evaluator(
    network: nn.Module,
    example: Tensor,
    *,
    occluder_size: Pair,
    fill: Tensor,
    method: Method,
    batch_size: int | None,
    positions_per_image: float,
    memory: int,
) -> Evaluator:
    """Return what evaluates ``network``; a network that cannot be traced is evaluated densely, with a warning.

    Args:
        network: In evaluation mode.
        example: An image ``(1, C, H, W)``.
        occluder_size: Height and width in pixels.
        fill: The occluder's values, ``(C,)``.
        method: ``"incremental"`` or ``"dense"``.
        batch_size: Occluded images computed at once; by default as :func:`default_batch_size` has it.
        positions_per_image: About how many positions an image will be evaluated at.
        memory: Bytes for what is kept of a block's images.

    Raises:
        ValueError: If ``method`` is neither.
    """
    check_method(method)
    dense = Dense(network, occluder_size, fill, batch_size or default_batch_size("dense", example.device))
    if method == "dense":
        return dense
    try:
        module = trace(network, example.repeat(2, 1, 1, 1))
    except Exception as error:  # whatever export raises: a network may do anything
        reason = str(error).strip().partition("\n")[0]
        warnings.warn(
            f"{type(network).__name__} cannot be traced, its occlusion maps are computed densely: "
            f"{type(error).__name__}: {reason}",
            stacklevel=2,
        )
        return dense
    plan = make_plan(module, occluder_size, positions=positions_per_image, largest_bank=memory / 3)
    if plan.dense_share > 0.1:
        layers = ", ".join(f"{describe(node)}" for node in plan.dense[:3])
        warnings.warn(
            f"{type(network).__name__}: {plan.dense_share:.0%} of the work is computed densely, as {layers} "
            f"cannot be computed on windows",
            stacklevel=2,
        )
    pictures = pictures_at_once(plan, batch_size or default_batch_size("incremental", example.device))
    return Incremental(plan, fill, batch_size or windows_at_once(plan, example.device), memory, pictures)


def default_batch_size(method: Method, device: torch.device) -> int:
    """Return the occluded images that are computed at once on a device where nothing is said.

    Example:
        >>> default_batch_size("incremental", torch.device("cpu"))
        64
    """
    return BATCH_SIZES[method].get(device.type, BATCH_SIZES[method]["cpu"])


def windows_at_once(plan: Plan, device: torch.device) -> int:
    """Return the windows that are computed at once where nothing is said: on a CPU more, where they are small."""
    default = default_batch_size("incremental", device)
    if device.type != "cpu" or not plan.layers:
        return default
    entries = [
        shape_of(layer.node)[0] * prod(float(spans[layer.node].size.mean()) for spans in plan.spans)
        for layer in plan.layers
    ]
    largest = max(entries) * plan.image.meta["val"].element_size()
    return int(min(max(default, IN_CACHE // largest), MOST_TIMES * default))


def pictures_at_once(plan: Plan, most: int) -> int:
    """Return the whole pictures that are computed at once: on a CPU as many as have their largest map in the cache."""
    image = plan.image.meta["val"]
    if image.device.type != "cpu":
        return most
    maps = [node.meta["val"] for node in plan.module.graph.nodes if isinstance(node.meta.get("val"), Tensor)]
    largest = max(prod(value.shape[1:]) for value in maps if value.ndim == image.ndim)
    return int(min(max(1, IN_CACHE // (largest * image.element_size())), most))


def check_method(method: str) -> None:
    """Refuse a method that there is none of."""
    if method not in get_args(Method):
        raise ValueError(f"Expected `method` of {', '.join(get_args(Method))}, got {method!r}")


def describe(node: fx.Node) -> str:
    """Return an operation and the layer it belongs to."""
    stack = list((node.meta.get("nn_module_stack") or {"": ("",)}).values())
    return f"{getattr(node.target, '__name__', node.target)} ({stack[-1][0] or 'the network itself'})"


class Dense:
    """The obvious slow way, and the reference: occlude the picture, run the network."""

    def __init__(self, network: nn.Module, occluder_size: Pair, fill: Tensor, batch_size: int) -> None:
        self.network = network
        self.occluder_size = occluder_size
        self.fill = fill.view(-1, 1, 1)
        self.batch_size = batch_size
        self.block = MOST_IMAGES

    def __call__(self, images: Tensor, positions: Positions) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (indices of positions ``(B,)``, logits ``(B, n)``), in order."""
        for index in torch.split(torch.arange(len(positions.image), device=images.device), self.batch_size):
            part = positions.at(index)
            yield index, self.network(occlude(images[part.image], part, self.occluder_size, self.fill))


def occlude(images: Tensor, positions: Positions, occluder_size: Pair, fill: Tensor) -> Tensor:
    """Return ``(B, C, H, W)`` images with an occluder of ``fill`` ``(C, 1, 1)`` each, centred at its position."""
    inside = []
    for centre, size, length in zip(positions[1:], occluder_size, images.shape[2:], strict=True):
        start, stop = covered(np.arange(length), size, length)
        first, last = (torch.as_tensor(s, device=images.device)[centre, None] for s in (start, stop))
        pixel = torch.arange(length, device=images.device)
        inside.append((first <= pixel) & (pixel < last))  # (B, length)
    return torch.where(inside[0][:, None, :, None] & inside[1][:, None, None, :], fill, images)


class Incremental:
    """Recomputes only what the occluder can have changed, see :mod:`.windows`; windows and pictures so many at once."""

    def __init__(self, plan: Plan, fill: Tensor, batch_size: int, memory: int, pictures: int) -> None:
        self.fill, self.memory, self.pictures = fill, memory, pictures
        self.network = WindowedNetwork(plan, fill, pictures)
        self.batch_size = batch_size
        self.block = max(1, min(MOST_IMAGES, (memory - self.network.bytes_once) // self.network.bytes_per_image))
        self._classes = tuple(torch.as_tensor(c, device=fill.device) for c in plan.classes)

    def __call__(self, images: Tensor, positions: Positions) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (indices of positions ``(B,)``, logits ``(B, n)``), by the sizes of their windows."""
        self.network.load(images)
        rows, columns = self._classes
        kind = rows[positions.row] * (int(columns.max()) + 1) + columns[positions.column]
        order = torch.argsort(kind, stable=True)
        _, counts = torch.unique_consecutive(kind[order], return_counts=True)
        for alike in torch.split(order, counts.tolist()):
            row, column = int(positions.row[alike[0]]), int(positions.column[alike[0]])
            for index in torch.split(alike, self.batch_size):
                part = positions.at(index)
                yield index, self.network.logits(Chunk(part.image, (part.row, part.column), (row, column)))

    def renewed(self) -> "Incremental":
        """Return one of the same plan with maps of its own, to be at work at the same time."""
        return Incremental(self.network.plan, self.fill, self.batch_size, self.memory, self.pictures)

"""Work of occlusion maps: multiply-adds for a position, by convolution, in each way to leave some out.

    python -m experiments.benchmarks.occlusion_map_work [--width 1.0] [--size 100] [--occluders 20x20 20x40 40x40]

CASIA-Net of ``--width`` times its channels, stride 1, the mean over all positions. Of each convolution but the last,
which is averaged: the *whole* map; the *window* that the occluder can have changed; the *difference*, the products of
inputs that changed; and *distinct* values, those that any way to share equal values between positions must compute at
least once. The last row is what takes least, layer by layer.
"""

from typing import NamedTuple

import numpy as np
import torch
from rich.table import Table
from torch import fx

from callbacks.occlusion_sensitivity.geometry import Ints, ReceptiveField, Sliding, Spans, covered
from callbacks.occlusion_sensitivity.trace import aten, inputs_of, shape_of, trace
from callbacks.occlusion_sensitivity.windowed_layers import as_layer
from experiments.benchmarks.benchmark import parse_options, print_table
from experiments.benchmarks.occlusion_map_speed import CLASSES, OCCLUDERS
from experiments.cli.user_errors import main as run_command
from lightning_modules.networks import CasiaNet

Occluder = tuple[int, int]


class Axis(NamedTuple):
    """What is known of a map along rows or columns."""

    spans: Spans
    """What can have changed, by the occluder's place."""
    field: ReceptiveField


class Work(NamedTuple):
    """Multiply-adds of a convolution for a position."""

    whole: float
    window: float
    difference: float
    distinct: float


def main() -> None:
    """Parse the command line, count and print."""
    sizes = [f"{height}x{width}" for height, width in OCCLUDERS]
    options = parse_options(__doc__, width=1.0, size=100, occluders=sizes)
    with torch.device("meta"):
        module = trace(CasiaNet(CLASSES, width=options.width).eval(), torch.zeros(2, 1, options.size, options.size))
    for name in options.occluders:
        height, width = (int(side) for side in name.split("x"))
        print_table(table(module, (height, width)))


def table(module: fx.GraphModule, occluder: Occluder) -> Table:
    """Return the work of each convolution under an occluder, in millions, and its sums."""
    shown = Table("channels", "map", "field", *Work._fields, title=f"{occluder[0]} × {occluder[1]}")
    layers = work_by_layer(module, occluder)
    for (channels, length, field), work in layers:
        shown.add_row(channels, str(length), str(field), *(f"{value / 1e6:.1f}" for value in work))
    sums = Work(*(sum(column) for column in zip(*(work for _, work in layers), strict=True)))
    shown.add_row("all", "", "", *(f"{value / 1e6:.1f}" for value in sums))
    least = sum(min(work) for _, work in layers)
    shown.add_row("least", "", "", "", "", "", f"{least / 1e6:.1f}")
    return shown


def work_by_layer(module: fx.GraphModule, occluder: Occluder) -> list[tuple[tuple[str, int, int], Work]]:
    """Return channels, length and receptive field of every convolution, and its work."""
    image = next(node for node in module.graph.nodes if node.op == "placeholder")
    lengths, point = shape_of(image)[1:], ReceptiveField(1, 0, 0)
    pixels = [covered(np.arange(lengths[a]), occluder[a], lengths[a]) for a in (0, 1)]
    known, found = {image: [Axis(spans, point) for spans in pixels]}, []
    for node in module.graph.nodes:
        layer = as_layer(module, node) if any(n in known for n in inputs_of(node)) else None
        if layer is None:
            continue
        before = known[layer.inputs[0]]
        if layer.sliding is None:
            known[node] = before
            continue
        known[node] = [
            Axis(sliding.outputs(axis.spans), axis.field.through(sliding))
            for sliding, axis in zip(layer.sliding, before, strict=True)
        ]
        if node.target is aten.conv2d.default:
            channels = (shape_of(layer.inputs[0])[0], shape_of(node)[0])
            axes = zip(layer.sliding, before, known[node], pixels, strict=True)
            by_axis = Work(*(a * b for a, b in zip(*(along_axis(*axis) for axis in axes), strict=True)))
            work = Work(*(channels[0] * channels[1] * value for value in by_axis))
            what = (f"{channels[0]} → {channels[1]}", shape_of(node)[1], known[node][0].field.size)
            found.append((what, work))
    return found


def along_axis(sliding: Sliding, before: Axis, after: Axis, pixels: Spans) -> Work:
    """Return products along one axis for a position."""
    whole = sliding.kernel * sliding.out_length
    window = sliding.kernel * float(after.spans.size.mean())
    distinct = sliding.kernel * distinct_values(after.field, sliding.out_length, pixels) / len(pixels.start)
    return Work(whole, window, float(products(sliding, before.spans).mean()), distinct)


def products(sliding: Sliding, spans: Spans) -> Ints:
    """Return how many outputs read the inputs of each span, counted once for each input."""
    read = np.arange(sliding.out_length)[:, None] * sliding.stride - sliding.padding
    read = (read + sliding.dilation * np.arange(sliding.kernel)).ravel()
    uses = np.bincount(read[(read >= 0) & (read < sliding.in_length)], minlength=sliding.in_length)
    before = np.concatenate([[0], np.cumsum(uses)])
    return np.asarray(before[spans.stop] - before[spans.start])


def distinct_values(field: ReceptiveField, entries: int, pixels: Spans) -> int:
    """Return in how many ways the occluder meets the fields of a map's entries, summed over entries."""
    number = 0
    for first in np.arange(entries) * field.jump + field.first:
        seen = np.maximum(pixels.start, first), np.minimum(pixels.stop, first + field.size)
        met = np.stack(seen, 1)[seen[0] < seen[1]]
        number += len(np.unique(met, axis=0))
    return number


if __name__ == "__main__":
    run_command(lambda _: main())

"""Geometry: what is said to be read and covered, against lists made pixel by pixel."""

import random

import numpy as np
import pytest
import torch
from torch.nn.functional import conv1d

from callbacks.occlusion_sensitivity.geometry import ReceptiveField, Sliding, Spans, covered


def one(start: int, stop: int) -> Spans:
    return Spans(np.array([start]), np.array([stop]))


def random_sliding(rng: random.Random, length: int, *, ceil: bool) -> Sliding | None:
    """Return a convolution's or pooling's geometry as torch defines it, ``None`` if it has no output."""
    kernel, stride, dilation = rng.randint(1, 5), rng.randint(1, 4), rng.randint(1, 3)
    padding = rng.randint(0, kernel // 2 if ceil else 4)
    free = length + 2 * padding - dilation * (kernel - 1) - 1
    if free < 0:
        return None
    outputs = free // stride + 1
    if ceil and free % stride and outputs * stride < length + padding:  # a last one must start in the image
        outputs += 1
    return Sliding(kernel, stride, padding, dilation, length, outputs)


def reads(sliding: Sliding, output: int) -> list[int]:
    first = output * sliding.stride - sliding.padding
    return [first + sliding.dilation * k for k in range(sliding.kernel)]


def slidings() -> list[Sliding]:
    rng = random.Random(0)  # noqa: S311  settings of a test
    drawn = [random_sliding(rng, rng.randint(1, 20), ceil=n % 2 == 0) for n in range(400)]
    return [sliding for sliding in drawn if sliding is not None]


def all_spans(length: int) -> list[tuple[int, int]]:
    return [(start, stop) for start in range(length) for stop in range(start + 1, length + 1)]


def test_every_output_that_reads_a_covered_input_is_listed() -> None:
    for sliding in slidings():
        for start, stop in all_spans(sliding.in_length):
            outputs = sliding.outputs(one(start, stop))
            listed = range(outputs.start[0], outputs.stop[0])
            reading = {o for o in range(sliding.out_length) if set(reads(sliding, o)) & set(range(start, stop))}
            assert reading <= set(listed), (sliding, start, stop)


def test_no_output_is_listed_whose_kernel_lies_beside_the_covered_inputs() -> None:
    for sliding in slidings():
        for start, stop in all_spans(sliding.in_length):
            outputs = sliding.outputs(one(start, stop))
            listed = range(outputs.start[0], outputs.stop[0])
            over = [
                o for o in range(sliding.out_length) if reads(sliding, o)[-1] >= start and reads(sliding, o)[0] < stop
            ]
            assert list(listed) == over or (not over and len(listed) == 1), (sliding, start, stop)


def test_listed_outputs_exist_and_are_at_least_one() -> None:
    for sliding in slidings():
        for start, stop in all_spans(sliding.in_length):
            outputs = sliding.outputs(one(start, stop))
            assert 0 <= outputs.start[0] < outputs.stop[0] <= sliding.out_length


def test_inputs_are_the_hull_of_what_outputs_read() -> None:
    for sliding in slidings():
        for start, stop in all_spans(sliding.out_length):
            every = [pixel for o in range(start, stop) for pixel in reads(sliding, o)]
            assert sliding.inputs(one(start, stop)) == one(min(every), max(every) + 1)


def test_overhang_is_what_the_last_output_reads_past_the_end() -> None:
    for sliding in slidings():
        last = reads(sliding, sliding.out_length - 1)[-1]
        assert sliding.overhang == max(0, last + 1 - sliding.in_length)


@pytest.mark.parametrize(
    ("centre", "size", "expected"),
    [
        (5, 1, [5]),
        (5, 2, [4, 5]),
        (5, 3, [4, 5, 6]),
        (5, 4, [3, 4, 5, 6]),
        (0, 4, [0, 1]),
        (0, 5, [0, 1, 2]),
        (9, 4, [7, 8, 9]),
        (9, 5, [7, 8, 9]),
        (0, 1, [0]),
        (9, 1, [9]),
        (4, 10, list(range(9))),
        (5, 10, list(range(10))),
    ],
)
def test_covered_pixels_golden(centre: int, size: int, expected: list[int]) -> None:
    start, stop = covered(np.array([centre]), size, 10)
    assert list(range(start[0], stop[0])) == expected


def test_an_occluder_always_covers_its_centre_and_never_more_than_its_size() -> None:
    for length in range(1, 12):
        for size in range(1, length + 1):
            spans = covered(np.arange(length), size, length)
            assert (spans.start <= np.arange(length)).all()
            assert (np.arange(length) < spans.stop).all()
            assert (spans.size <= size).all()
            assert spans.start.min() == 0
            assert spans.stop.max() == length


def test_a_field_has_the_ends_that_a_stack_of_ones_depends_on() -> None:
    rng = random.Random(1)  # noqa: S311  settings of a test
    compared = 0
    for _ in range(150):
        length = rng.randint(20, 60)
        pixels = torch.eye(length)[:, None]  # an image with one pixel of 1 for each pixel: (length, 1, length)
        field = ReceptiveField(1, 0, 0)
        for _ in range(rng.randint(1, 4)):
            sliding = random_sliding(rng, pixels.shape[2], ceil=False)
            if sliding is None:
                break
            ones = torch.ones(1, 1, sliding.kernel)
            pixels = conv1d(pixels, ones, None, sliding.stride, sliding.padding, sliding.dilation).sign()
            field = field.through(sliding)
        for output, depends in enumerate(pixels[:, 0].T):
            first, last = output * field.jump + field.first, output * field.jump + field.last
            seen = depends.nonzero()[:, 0].tolist()
            assert all(first <= pixel <= last for pixel in seen)
            if first >= 0 and last < length:
                assert (seen[0], seen[-1]) == (first, last)
                compared += 1
    assert compared > 300


def test_the_field_of_two_layers_together_holds_both() -> None:
    assert ReceptiveField(2, -3, 1).union(ReceptiveField(2, -1, 4)) == ReceptiveField(2, -3, 4)
    assert ReceptiveField(2, -3, 1).size == 5

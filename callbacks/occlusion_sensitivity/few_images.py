"""Windows in fewer sizes, for few images: every size that is new takes a processor longer than most windows do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor, fx

from callbacks.occlusion_sensitivity.engine import Evaluator, Incremental
from callbacks.occlusion_sensitivity.geometry import Ints, Spans
from callbacks.occlusion_sensitivity.plan import AXES, Plan, merge_kinds, window_costs
from callbacks.occlusion_sensitivity.trace import shape_of

SIZE_COST = 4e9
"""What windows of one more class take beside their own work, in multiply-adds, where their sizes are new."""


def for_few_images(evaluator: Evaluator, at: Sequence[Tensor], images: int) -> Evaluator:
    """Return what evaluates the same at some centres of a few images, in windows of fewer sizes.

    A plan is made for every centre of many images. Of few of them a class of windows has only a few, and what
    a processor prepares for each new size of a convolution takes longer than these.

    Args:
        evaluator: Of the network.
        at: Rows and columns of the centres, ``(h,)`` and ``(w,)``; it takes no others any more.
        images: How many.
    """
    if not isinstance(evaluator, Incremental) or at[0].is_cuda:
        return evaluator
    plan = regrouped(evaluator.network.plan, [axis.numpy() for axis in at], SIZE_COST / images)
    return Incremental(plan, evaluator.fill, evaluator.batch_size, evaluator.memory, evaluator.pictures)


def regrouped(plan: Plan, used: Sequence[Ints], class_cost: float) -> Plan:
    """Return a plan whose windows are merged once more, by what a class costs and at the centres in use.

    Args:
        plan: Of all centres.
        used: Rows and columns in use.
        class_cost: Of one more class for each image, in multiply-adds.
    """
    costs = window_costs(plan.layers, plan.shared)
    if not costs:
        return plan
    spans: tuple[dict[fx.Node, Spans], dict[fx.Node, Spans]] = (dict(plan.spans[0]), dict(plan.spans[1]))
    sizes = [np.stack([spans[axis][node].size for node in costs], 1)[used[axis]] for axis in AXES]  # (used, maps)
    classes = []
    for axis, other in ((0, 1), (1, 0)):
        work = np.array(list(costs.values())) * sizes[other].sum(0)
        kinds, of_centre, counts = np.unique(sizes[axis], axis=0, return_inverse=True, return_counts=True)
        number = len(np.unique(sizes[other], axis=0)) / (2 if axis == 0 else 1)  # columns are yet to be merged
        of_used = merge_kinds(kinds, counts, work, number * class_cost)[of_centre.reshape(-1)]
        classes.append(_of_all(of_used, used[axis], len(plan.classes[axis])))
        sizes[axis] = _largest(sizes[axis], of_used)
        _widen(spans[axis], costs, sizes[axis], used[axis], axis)
    return replace(plan, spans=spans, classes=(classes[0], classes[1]))


def _of_all(of_used: Ints, used: Ints, number: int) -> Ints:
    """Return the class of each centre; those that are not in use are one of their own."""
    classes = np.full(number, of_used.max() + 1)
    classes[used] = of_used
    return classes


def _largest(sizes: Ints, classes: Ints) -> Ints:
    """Return the largest sizes ``(used, maps)`` of each one's class."""
    largest = np.zeros((classes.max() + 1, sizes.shape[1]), np.int64)
    np.maximum.at(largest, classes, sizes)
    return np.asarray(largest[classes])


def _widen(spans: dict[fx.Node, Spans], costs: Mapping[fx.Node, float], sizes: Ints, used: Ints, axis: int) -> None:
    for index, node in enumerate(costs):
        size = spans[node].size.copy()
        size[used] = sizes[:, index]
        start = np.minimum(spans[node].start, shape_of(node)[1 + axis] - size)
        spans[node] = Spans(start, start + size)

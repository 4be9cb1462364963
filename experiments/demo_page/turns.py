"""Long work in steps, so that others have their turn between them, and that ends when nobody waits for it any more."""

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")
Steps = Generator[float, None, R]
"""Yields the share that is done, and returns what has come of it."""


def in_turn(turn: AbstractContextManager[Any], items: Iterator[T]) -> Iterator[T]:
    """Yield what an iterator does; it is at work only while the turn is held, and never while it is waited for.

    Args:
        turn: What others hold meanwhile, such as a lock.
        items: Makes the next when it is asked to; without gradients.
    """
    end: Any = object()
    while True:
        with turn, torch.no_grad():
            item = next(items, end)
        if item is end:
            return
        yield item


def outcome(steps: Steps[R]) -> R:
    """Return what comes of steps when all are made.

    Example:
        >>> def steps():
        ...     yield 0.5
        ...     return "made"
        >>> outcome(steps())
        'made'
    """
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # as the generator's type says

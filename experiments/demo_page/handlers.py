"""How answers become what a tab shows: also what is wrong, as a line on the page, and never as a server's end."""

import functools
import inspect
import traceback
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

from datamodules.errors import DataError
from experiments.cli.user_errors import UserError, said
from experiments.demo_page.page_parts import error_box
from experiments.demo_page.turns import Steps


def shown(outputs: int = 1) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what makes a handler answer mistakes by a line in its first output, and by nothing in the others.

    Args:
        outputs: How many the handler has.

    Example:
        >>> @shown(outputs=2)
        ... def handler(path):
        ...     raise DataError("Expected an image, got none")
        >>> handler("a.pdf")
        ('<section class="ours"><p class="error" role="alert">Expected an image, got none</p></section>', None)
    """

    def wrapped(handler: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(handler)
        def answering(*args: Any, **settings: Any) -> Any:
            try:
                return handler(*args, **settings)
            except Exception as error:  # whatever it is, others go on
                return refused(error, outputs)

        @functools.wraps(handler)
        def answering_in_steps(*args: Any, **settings: Any) -> Iterator[Any]:
            try:
                yield from handler(*args, **settings)
            except Exception as error:  # as above
                yield refused(error, outputs)

        return answering_in_steps if inspect.isgeneratorfunction(handler) else answering

    return wrapped


def refused(error: Exception, outputs: int) -> Any:
    """Return what an error shows in the first of so many outputs, and nothing for the others.

    Raises:
        Exception: Again, what is no mistake but a visitor's going.
    """
    box = error_box(words(error))
    return box if outputs == 1 else (box, *[None] * (outputs - 1))


def words(error: Exception) -> str:
    """Return an error in words; of one that nobody has foreseen the traceback is printed.

    Raises:
        Exception: Again, what is no mistake but a visitor's going.
    """
    if isinstance(error, DataError | UserError | ValueError):  # the last: of a network that takes no such faces
        return str(error)
    if isinstance(error, MemoryError):
        return "Expected a smaller image: there is not enough memory for this one"
    if is_of_the_queue(error):
        raise error
    traceback.print_exception(error)
    return f"Something nobody has foreseen: {said(error)}"


def watched(steps: Steps[Any], progress: Callable[..., Any], doing: str, *, outputs: int = 1) -> Iterator[Any]:
    """Yield nothing new while steps are made, and what has come of them: who leaves meanwhile ends them.

    Args:
        steps: Yield the share that is done.
        progress: Gradio's bar: is told the share, and about how long the rest will take.
        doing: What is being done, in a word.
        outputs: How many the handler has.
    """
    import gradio as gr  # noqa: PLC0415  an optional group

    progress(0.0, desc=doing)
    began: tuple[float, float] | None = None
    while True:
        try:
            share = next(steps)
        except StopIteration as end:
            yield end.value
            return
        began = began or (monotonic(), share)  # what came before the first step is no measure of the others
        progress(share, desc=f"{doing}{rest(share, *began)}")
        yield gr.skip() if outputs == 1 else (gr.skip(),) * outputs


def rest(share: float, began: float, of: float) -> str:
    """Return about how long the rest takes, in words, of work of which a share was done when the clock began.

    Example:
        >>> rest(0.5, monotonic() - 5, 0.25)
        ', about 10 s left'
        >>> rest(0.25, monotonic(), 0.25)
        ''
    """
    if not of < share < 1:
        return ""
    return f", about {(monotonic() - began) * (1 - share) / (share - of):.0f} s left"


def is_of_the_queue(error: Exception) -> bool:
    """Whether an error is how a visitor's going is told, and nothing that anybody has to see."""
    return type(error).__module__.startswith("gradio")

"""How answers become what a tab shows: also what is wrong, as a line on the page, and never as a server's end."""

import functools
import traceback
from collections.abc import Callable
from typing import Any

from datamodules.errors import DataError
from experiments.cli.user_errors import UserError, said
from experiments.demo_page.page_parts import error_box


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
            except (DataError, UserError) as error:
                message = str(error)
            except MemoryError:
                message = "Expected a smaller image: there is not enough memory for this one"
            except ValueError as error:  # of a network that takes no such faces, in one line
                message = str(error)
            except Exception as error:  # whatever it is, others go on
                if is_of_the_queue(error):
                    raise
                traceback.print_exc()
                message = f"Something nobody has foreseen: {said(error)}"
            box = error_box(message)
            return box if outputs == 1 else (box, *[None] * (outputs - 1))

        return answering

    return wrapped


def is_of_the_queue(error: Exception) -> bool:
    """Whether an error is how a visitor's going is told, and nothing that anybody has to see."""
    return type(error).__module__.startswith("gradio")

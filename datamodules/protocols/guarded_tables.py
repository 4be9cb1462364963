"""The guarded reader for pickles of tables: dictionaries and floats, and still nothing is run."""

import pickle  # the reader below has none of its powers
from collections.abc import Callable
from typing import Any, ClassVar

from datamodules.protocols.guarded_pickle import GuardedUnpickler, Opcodes, read_guarded
from datamodules.protocols.pickled_numpy import RefusedPickleError

_LARGEST_KEY = 2**31
"""Of integers: larger ones can be chosen so that all fall together, and a table of them takes no end of time."""


def load_guarded_tables(data: bytes, *, name: str) -> object:
    """Read a pickle as :func:`~datamodules.protocols.guarded_pickle.load_guarded` does, with dictionaries and floats.

    Keys are text, bytes or integers below 2³¹; floats may be numpy's.

    Args:
        data: The pickle; bytes after its end are ignored.
        name: What to call it in a message.

    Raises:
        DataError: If it holds or names anything else, is cut short or damaged.

    Example:
        >>> load_guarded_tables(pickle.dumps({"faces": [{"box": [1, 2, 3, 4], "confidence": 0.5}]}), name="x.pkl")
        {'faces': [{'box': [1, 2, 3, 4], 'confidence': 0.5}]}
        >>> load_guarded_tables(pickle.dumps({"faces": print}), name="x.pkl")
        Traceback (most recent call last):
        datamodules.errors.DataError: x.pkl: expected a pickle of tables, lists, text and numbers, got builtins.print
    """
    return read_guarded(TableUnpickler, data, name=name)


class TableUnpickler(GuardedUnpickler):
    """The same for tables: dictionaries, and numbers that are not whole."""

    pop_mark: Callable[[], list[Any]]
    takes: ClassVar[str] = "tables, lists, text and numbers"
    floats: ClassVar[bool] = True

    def _load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set(items)

    def _load_setitems(self) -> None:
        self._set(self.pop_mark())

    def _load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict:
            raise RefusedPickleError(f"an item for {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not (isinstance(key, str | bytes) or (isinstance(key, int) and abs(key) < _LARGEST_KEY)):
                raise RefusedPickleError(f"a table by {type(key).__name__}")
            target[key] = value

    dispatch: ClassVar[Any] = Opcodes(
        {
            **GuardedUnpickler.dispatch,
            **{
                code[0]: pickle._Unpickler.dispatch[code[0]]
                for code in (pickle.EMPTY_DICT, pickle.FLOAT, pickle.BINFLOAT)
            },
            pickle.DICT[0]: _load_dict,
            pickle.SETITEM[0]: _load_setitem,
            pickle.SETITEMS[0]: _load_setitems,
        }
    )

"""A pickle reader that runs nothing of what a pickle names: for files from strangers."""

import io
import pickle  # the reader below has none of its powers
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from datamodules.errors import DataError
from datamodules.protocols.pickled_numpy import PickledArray, PickledDtype, RefusedPickleError, numpy_stand_ins, short

_ADMITTED = (
    *(pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.POP_MARK, pickle.DUP),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE),
    *(pickle.INT, pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG, pickle.LONG1),
    *(pickle.STRING, pickle.BINSTRING, pickle.SHORT_BINSTRING),
    *(pickle.UNICODE, pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINUNICODE8),
    *(pickle.BINBYTES, pickle.SHORT_BINBYTES, pickle.BINBYTES8),
    *(pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
    *(pickle.EMPTY_LIST, pickle.LIST, pickle.APPEND, pickle.APPENDS),
    *(pickle.GET, pickle.BINGET, pickle.LONG_BINGET),
    *(pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE),
    pickle.STACK_GLOBAL,
)


def load_guarded(data: bytes, *, name: str) -> object:
    """Read a pickle of lists, tuples, text, bytes, bools, integers, and numpy arrays and scalars of these.

    Nothing is imported and nothing of numpy's is called: what a pickle may name has a stand-in here, and only
    stand-ins are called. Memory is bounded by the size of the pickle: nothing in it can ask for more. It may
    be of any protocol and of Python 2, whose strings become bytes, as bytearrays do.

    Args:
        data: The pickle; bytes after its end are ignored.
        name: What to call it in a message.

    Returns:
        What was pickled, with a :class:`PickledArray` for every array and an integer for every scalar.

    Raises:
        DataError: If it holds or names anything else, is cut short or damaged.

    Example:
        >>> load_guarded(pickle.dumps(([b"image"], [True])), name="lfw.bin")
        ([b'image'], [True])
        >>> load_guarded(pickle.dumps(print), name="x")
        Traceback (most recent call last):
        datamodules.errors.DataError: x: expected a pickle of lists, bytes, bools and numpy arrays, got builtins.print
    """
    return read_guarded(GuardedUnpickler, data, name=name)


def read_guarded(reader: "type[GuardedUnpickler]", data: bytes, *, name: str) -> object:
    """Read a pickle by one of the readers that run nothing.

    Raises:
        DataError: If it holds or names what the reader does not take, is cut short or damaged.
    """
    try:
        return reader(data).load()
    except RefusedPickleError as refused:
        raise DataError(f"{name}: expected a pickle of {reader.takes}, got {refused}") from None
    except Exception as error:  # a damaged pickle can fail in any way
        raise DataError(
            f"{name}: expected a complete pickle, got {len(data)} bytes, cut short or damaged ({type(error).__name__})"
        ) from None


@dataclass(frozen=True)
class _Global:
    """What stands for an object that a pickle names."""

    name: str
    call: Callable[..., object]


_NAMES = {opcode.code: opcode.name for opcode in pickletools.opcodes}


class Opcodes(dict[int, Callable[[Any], None]]):
    """What each opcode does; others are refused by their name."""

    def __missing__(self, code: int) -> Callable[[Any], None]:
        raise RefusedPickleError(f"opcode {_NAMES.get(chr(code), hex(code))}")


class _ByteMaker:
    """Makes bytes as they stand in pickles of Python 3 in protocol 2 and of bytearrays.

    Args:
        limit: How many may be made of text. Each byte stands in the pickle once; without a limit a short pickle
            could fill memory with copies.
    """

    def __init__(self, limit: int) -> None:
        self._left = limit

    def stand_ins(self) -> dict[tuple[str, str], Callable[..., object]]:
        """Return what stands for each builtin that a pickle may name, by module and name."""
        kinds = [(module, name) for module in ("builtins", "__builtin__") for name in ("bytes", "bytearray")]
        return {("_codecs", "encode"): self._encode, **dict.fromkeys(kinds, self._bytes)}

    def _encode(self, text: object, codec: object) -> bytes:
        if not isinstance(text, str) or codec not in ("latin1", "latin-1", b"latin-1"):
            raise RefusedPickleError(f"_codecs.encode of {short(text)} as {short(codec)}")
        self._left -= len(text)
        if self._left < 0:
            raise RefusedPickleError("more bytes than its size")
        return text.encode("latin1")

    def _bytes(self, content: object = b"", codec: object = None) -> bytes:
        if codec is not None:
            return self._encode(content, codec)
        if not isinstance(content, bytes):
            raise RefusedPickleError(f"bytes of {type(content).__name__}")
        return content


class GuardedUnpickler(pickle._Unpickler):
    """Python's own reader, as it is written in Python: its opcodes can be chosen and its memo is a dictionary.

    The one that is written in C allocates whatever size a few bytes of a pickle name.
    """

    stack: list[Any]
    append: Callable[[object], None]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]

    takes: ClassVar[str] = "lists, bytes, bools and numpy arrays"
    """What it reads, for messages."""
    floats: ClassVar[bool] = False
    """Whether numpy's numbers may be other than whole."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="bytes")
        self._globals = {**_ByteMaker(len(data)).stand_ins(), **numpy_stand_ins(floats=self.floats)}

    def find_class(self, module: str, name: str) -> _Global:
        """Return the stand-in for an object that may be named."""
        stand_in = self._globals.get((module, name))
        if stand_in is None:
            raise RefusedPickleError(repr(f"{module}.{name}"[:100])[1:-1])
        return _Global(f"{module}.{name}", stand_in)

    def _load_global(self) -> None:
        lines = self.readline(), self.readline()
        if not all(line.endswith(b"\n") for line in lines):
            raise EOFError
        module, name = (line[:-1].decode("utf-8") for line in lines)
        self.append(self.find_class(module, name))

    def _load_reduce(self) -> None:
        arguments = self.stack.pop()
        function = self.stack[-1]
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise RefusedPickleError(f"a call of {type(function).__name__}")
        try:
            self.stack[-1] = function.call(*arguments)
        except TypeError:  # another number of arguments
            raise RefusedPickleError(f"{function.name} with {len(arguments)} arguments") from None

    def _load_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, PickledArray | PickledDtype):
            raise RefusedPickleError(f"state for {type(target).__name__}")
        target.set_state(state)

    def _load_bytearray8(self) -> None:
        self.append(self.read(int.from_bytes(self.read(8), "little")))

    dispatch: ClassVar[Any] = Opcodes(
        {
            **{code[0]: pickle._Unpickler.dispatch[code[0]] for code in _ADMITTED},
            pickle.GLOBAL[0]: _load_global,
            pickle.REDUCE[0]: _load_reduce,
            pickle.BUILD[0]: _load_build,
            pickle.BYTEARRAY8[0]: _load_bytearray8,
        }
    )

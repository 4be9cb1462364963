"""Pickles from strangers: what images and answers need is read, anything else is refused and nothing of it runs."""

import contextlib
import os
import pickle
import re
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.protocols.guarded_pickle import load_guarded
from datamodules.protocols.pickled_numpy import PickledArray

LATIN1 = b"\x8c\x07_codecs\x8c\x06encode\x93"  # protocol 4: push both names, then the global that they name
RECONSTRUCT = b"\x8c\x16numpy._core.multiarray\x8c\x0c_reconstruct\x93"
EMPTY_ARRAY = RECONSTRUCT + b"\x8c\x05numpy\x8c\x07ndarray\x93K\0\x85C\1b\x87R"
UINT8 = b"\x8c\x05numpy\x8c\x05dtype\x93\x8c\2u1\x89\x88\x87R"


def plain(value: Any) -> object:
    """Lists for arrays: what a reader makes of a pickle, in the words of one who wrote it."""
    if isinstance(value, PickledArray):
        return value.integers()
    return type(value)(map(plain, value)) if isinstance(value, list | tuple) else value


def load(data: bytes) -> object:
    return plain(load_guarded(data, name="x.bin"))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("written", "read"),
    [
        (([b"\xff\xd8", b"", b"\0" * 300], [True, False]), None),
        ([bytearray(b"\xff\xd8"), bytearray()], [b"\xff\xd8", b""]),
        ([0, 255, 70_000, -1, 1 << 40, None, "Zoë"], None),
        (np.array([0, 1, 255], np.uint8), [0, 1, 255]),
        (np.frombuffer(b"\1\xff", np.uint8), [1, 255]),
        (np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3)), [0, 3, 1, 4, 2, 5]),
        (np.array([[7], [8]], np.uint8), [7, 8]),
        (np.array([True, False]), [1, 0]),
        (np.array([1, 0], ">i8"), [1, 0]),
        (np.array([1, 0], "<i4"), [1, 0]),
        ([np.bool_(True), np.bool_(False), np.int64(-3), np.uint8(200)], [1, 0, -3, 200]),
        (np.zeros(0, np.uint8), []),
        (np.array(5, np.uint8), [5]),
    ],
)
def test_reads_what_every_protocol_writes(protocol: int, written: object, read: object) -> None:
    assert load(pickle.dumps(written, protocol)) == (written if read is None else read)


@pytest.mark.parametrize("written", [np.array([1, 2], np.uint8), [np.bool_(True)], np.frombuffer(b"ab", np.uint8)])
@pytest.mark.parametrize("protocol", [2, 3])
def test_reads_numpy_1_and_numpy_2_alike(protocol: int, written: object) -> None:
    data = pickle.dumps(written, protocol)
    old = data.replace(b"cnumpy._core.", b"cnumpy.core.")
    assert old != data
    assert load(old) == load(data)


def test_strings_of_python_2_are_bytes() -> None:
    images = b"]q\0(U\x03\xff\xd8\0q\1T\x04\0\0\0\xff\xd9\xff\0q\2e"
    answers = b"]q\3(\x88\x89I01\nI00\ne"
    assert load(b"\x80\2" + images + answers + b"\x86q\4.") == ([b"\xff\xd8\0", b"\xff\xd9\xff\0"], [True, False] * 2)
    assert load(rb"(lp0" + b"\n" + rb"S'\xff\n'" + b'\np1\naS"it\'s"\np2\na.') == [b"\xff\n", b"it's"]


def test_arrays_of_python_2_are_read() -> None:
    dtype = b"cnumpy\ndtype\nU\2u1K\0K\1\x87R(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R(K\1K\3\x85"
        + dtype
        + b"\x89U\3\1\2\xfftb"
    )
    assert load(b"\x80\2" + array + b".") == [1, 2, 255]
    flag = dtype.replace(b"u1", b"b1")
    assert load(b"\x80\2cnumpy.core.multiarray\nscalar\n" + flag + b"U\1\1\x86R.") == 1
    assert load(b"\x80\2c__builtin__\nbytearray\nX\3\0\0\0a\xc3\xbfU\x07latin-1\x86R.") == b"a\xff"


class Runs:
    """Pickled as a call."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("hide", [lambda bomb: bomb, lambda bomb: ([[b"", [bomb]]], [True])], ids=["bare", "nested"])
def test_nothing_that_is_named_runs(tmp_path: Path, protocol: int, hide: Any) -> None:
    trace = tmp_path / "ran"
    for function, argument, name in (
        (os.system, f"touch {trace}", f"{os.system.__module__}.system"),
        (eval, f"open({str(trace)!r}, 'w')", "builtins.eval"),
        (os.mkdir, str(trace), f"{os.mkdir.__module__}.mkdir"),
    ):
        data = pickle.dumps(hide(Runs(function, argument)), protocol)
        with pytest.raises(DataError, match=re.escape(name.replace("builtins", "")) + "$"):
            load(data)
        assert not trace.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "getattr"),
        ("builtins", "bytes.fromhex"),
        ("numpy", "load"),
        ("numpy", "ndarray.tofile"),
        ("numpy._core.multiarray", "fromfile"),
        ("numpy.core.numeric", "frombuffer"),
        ("_codecs", "decode"),
        ("codecs", "encode"),
        ("copyreg", "_reconstructor"),
        ("datamodules.protocols.guarded_pickle", "load_guarded"),
        ("no_such_module", "at\nall"),
    ],
)
def test_names_what_it_refuses(module: str, name: str) -> None:
    data = (
        b"\x80\4\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)]) + name.encode() + b"\x93."
    )
    expected = f"expected a pickle of lists, bytes, bools and numpy arrays, got {module}.{name}".replace("\n", "\\n")
    with pytest.raises(DataError, match=f"^x.bin: {re.escape(expected)}$"):
        load(data)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([b"a", None], dtype=object), "numpy.dtype('O8')"),
        (np.array(["a"]), "numpy.dtype('U1')"),
        (np.array([b"abc"]), "numpy.dtype('S3')"),
        (np.zeros(2), "numpy.dtype('f8')"),
        (np.zeros(2, "M8[s]"), "numpy.dtype('M8')"),
        (np.zeros(2, [("a", np.uint8), ("b", object)]), "numpy.dtype('V9')"),
        (np.float32(1), "numpy.dtype('f4')"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_refuses_arrays_of_other_things_than_integers(protocol: int, array: object, expected: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"got {expected}")):
        load(pickle.dumps([array], protocol))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (LATIN1 + b"\x8c\1a\x8c\3hex\x86R", "_codecs.encode of 'a' as 'hex'"),
        (LATIN1 + b"C\1a\x8c\x0azlib_codec\x86R", "_codecs.encode of b'a' as 'zlib_codec'"),
        (LATIN1 + b"]\x85R", "_codecs.encode with 1 arguments"),
        (b"\x8c\x08builtins\x8c\x09bytearray\x93J\xff\xff\xff\x7f\x85R", "bytes of int"),
        (b"\x8c\x05numpy\x8c\x07ndarray\x93)R", "a call of numpy.ndarray"),
        (b"\x8c\x05numpy\x8c\x07ndarray\x93K\2\x85R", "numpy.ndarray with 1 arguments"),
        (RECONSTRUCT + LATIN1 + b"K\0\x85C\1b\x87R", "a numpy array of another kind"),
        (
            RECONSTRUCT + b"\x8c\x05numpy\x8c\x07ndarray\x93J\xff\xff\xff\x7f\x85C\1b\x87R",
            "a numpy array of another kind",
        ),
        (EMPTY_ARRAY + b"(K\1K\2\x85" + UINT8 + b"\x89C\1atb", "1 bytes for a numpy array of another shape"),
        (
            EMPTY_ARRAY + b"(K\1K\1J\xff\xff\xff\xff\x86" + UINT8 + b"\x89C\1atb",
            "1 bytes for a numpy array of another s",
        ),
        (EMPTY_ARRAY + b"(K\1K\1\x85" + UINT8 + b"\x89]tb", "a numpy array without its bytes"),
        (EMPTY_ARRAY + b"]b", "a numpy array without its bytes"),
        (UINT8 + b"(K\3\x8c\1|N)NJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb", "numpy.dtype('u1') with fields, parts or"),
        (b"\x8c\x05numpy\x8c\x05dtype\x93]\x89\x88\x87R", "numpy.dtype(list)"),
        (LATIN1 + b"\x8c\x0c__defaults__" + b"K\1\x86b", "state for _Global"),
        (b"]K\1b", "state for list"),
        (b"]]R", "a call of list"),
        (b"K\1)R", "a call of int"),
        (b"K\1\x8c\1a\x86Q", "opcode BINPERSID"),
        (b"Pid\n", "opcode PERSID"),
        (b"}", "opcode EMPTY_DICT"),
        (b"\x8f", "opcode EMPTY_SET"),
        (b"\x82\1", "opcode EXT1"),
        (b"\x97", "opcode NEXT_BUFFER"),
        (LATIN1 + b")\x81", "opcode NEWOBJ"),
        (b"(" + LATIN1 + b"o", "opcode OBJ"),
        (b"(ios\nsystem\n", "opcode INST"),
        (b"G" + bytes(8), "opcode BINFLOAT"),
        (b"\xff\xd8\xff", "opcode 0xff"),
    ],
)
def test_what_may_be_named_cannot_be_turned_against_the_reader(data: bytes, expected: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"arrays, got {expected}")):
        load(b"\x80\4" + data + b".")


def test_each_byte_may_be_made_once() -> None:
    text = b"\x94".join([LATIN1, b"X" + struct.pack("<I", 100_000) + b"a" * 100_000, b"\x8c\6latin1", b""])
    once, again = b"h\0h\1h\2\x86R", b"h\0h\1h\2\x86R0"
    assert load(b"\x80\4" + text + once + b".") == b"a" * 100_000
    with pytest.raises(DataError, match="got more bytes than its size"):
        load(b"\x80\4" + text + again * 10_000 + b".")


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x96" + struct.pack("<Q", 1 << 40),  # bytearray
        b"\x96" + struct.pack("<Q", (1 << 64) - 1),
        b"\x8e" + struct.pack("<Q", 1 << 40),  # bytes
        b"\x8d" + struct.pack("<Q", 1 << 40),  # text
        b"\x95" + struct.pack("<Q", 1 << 40),  # frame
        b"T\xff\xff\xff\x7f",
        b"T\xff\xff\xff\xff",
        b"Nr\xff\xff\xff\xff",  # a memo of 4 G entries in the reader that is written in C
        b"Np99999999999999999999\n",
        b"I" + b"9" * 100_000 + b"\n",
    ],
)
def test_a_few_bytes_cannot_ask_for_memory(bomb: bytes) -> None:
    load(b"\x80\4N.")
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"expected a complete pickle, got \d+ bytes, cut short or damaged"):
            load(b"\x80\4" + bomb)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_lists_within_lists_are_neither_walked_nor_shown() -> None:
    laughs = b"]\x94" + b"".join(b"(" + b"h" + bytes([n]) + b"h" + bytes([n]) + b"l\x94" for n in range(100))
    start = time.monotonic()
    for use in (
        LATIN1 + b"\x8c\1ah\x64\x86R",
        b"h\x64h\x64R",
        EMPTY_ARRAY + b"h\x64b",
        UINT8 + b"h\x64b",
        b"h\x64h\x64b",
    ):
        with pytest.raises(DataError, match="expected a pickle of lists"):
            load_guarded(b"\x80\4" + laughs + use + b".", name="x.bin")
    assert time.monotonic() - start < 5
    assert isinstance(load_guarded(b"\x80\4" + b"]" * 100_000 + b"a" * 99_999 + b".", name="x.bin"), list)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_refuses_a_pickle_that_is_cut_anywhere(protocol: int) -> None:
    data = pickle.dumps(
        ([b"\xff\xd8" * 40, bytearray(b"ab"), np.array([1, 2], np.uint8)], [True, np.bool_(False)]), protocol
    )
    for size in range(len(data)):
        with pytest.raises(
            DataError, match=rf"^x.bin: expected a complete pickle, got {size} bytes, cut short or damag"
        ):
            load(data[:size])


def test_a_damaged_pickle_is_refused_or_read_and_never_fails_otherwise() -> None:
    data = bytearray(pickle.dumps(([b"\xff\xd8", np.array([1, 2], np.uint8)], [True, np.bool_(False)]), 4))
    generator = np.random.default_rng(0)
    for _ in range(2_000):
        damaged = bytearray(data)
        for position in generator.integers(0, len(data), generator.integers(1, 4)):
            damaged[position] = generator.integers(256)
        with contextlib.suppress(DataError):
            load_guarded(bytes(damaged), name="x.bin")

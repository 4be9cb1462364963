"""Changes to a file as damage, other programs and malice make them: a function of the file and a generator."""

import re
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

Generator = np.random.Generator
Mutation = Callable[[bytes, Generator], bytes]

NUMBERS = (
    *(0, 1, 2, 3, 4, 8, 24, 127, 128, 255, 256, 32767, 65535, 1 << 24, 1 << 29),
    *((1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 53, (1 << 63) - 1, (1 << 64) - 1),
)
WORDS: Sequence[bytes] = (
    *(b"-1", b"0", b"1e309", b"nan", b"-inf", b"1_0", b"9" * 30, b"9" * 5000, b"2147483648", b"0.5", b"true", b"null"),
    *(b"", b" ", b"\t", b",", b";", b'"', b"'", b"\\", b"/"),
    *(b"..", b"../../x.jpg", b"/etc/passwd", b"C:\\x.jpg", b"\0"),
    *(b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc2\x85", b"\xe2\x80\xa8", b"\x1b[31m", "é☃٣²".encode()),
    *(b"a" * 200_000, b"[" * 2000, b"{", b"}", b"&a [*a]", b"!!python/object/apply:os.system [x]", b"- ", b": ", b"#"),
)
_TOKEN = re.compile(rb"[^\s,;:\[\]{}]+")


def mutate(data: bytes, generator: Generator, *, text: bool = False) -> bytes:
    """Return a changed copy of a file: one to three mutations.

    Args:
        data: The file.
        generator: What draws them.
        text: Whether it is text, of lines and words.
    """
    choices = (*_OF_BYTES, *_OF_TEXT, *_OF_TEXT) if text else (*_OF_BYTES, *_OF_NUMBERS)
    for _ in range(generator.choice([1, 1, 1, 2, 3])):
        data = choices[generator.integers(len(choices))](data, generator)
    return data


def _place(data: bytes, generator: Generator) -> int:
    """Draw a position, of which the first bytes have half: there headers are."""
    end = min(len(data), 64) if generator.random() < 0.5 else len(data)
    return int(generator.integers(end + 1))


def _span(data: bytes, generator: Generator) -> tuple[int, int]:
    start = _place(data, generator)
    return start, start + int(generator.integers(1, 1 + max(1, min(64, len(data) - start))))


def _flip(data: bytes, generator: Generator) -> bytes:
    changed = bytearray(data)
    for _ in range(generator.integers(1, 9) if data else 0):
        changed[min(_place(data, generator), len(data) - 1)] ^= 1 << int(generator.integers(8))
    return bytes(changed)


def _truncate(data: bytes, generator: Generator) -> bytes:
    return data[: _place(data, generator)]


def _insert(data: bytes, generator: Generator) -> bytes:
    at = _place(data, generator)
    return data[:at] + generator.bytes(int(generator.integers(1, 17))) + data[at:]


def _remove(data: bytes, generator: Generator) -> bytes:
    start, stop = _span(data, generator)
    return data[:start] + data[stop:]


def _repeat(data: bytes, generator: Generator) -> bytes:
    start, stop = _span(data, generator)
    return data[:stop] + data[start:stop] * int(generator.integers(1, 4)) + data[stop:]


def _swap(data: bytes, generator: Generator) -> bytes:
    (a, b), (c, d) = sorted([_span(data, generator), _span(data, generator)])
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:] if b <= c else data


def _zeros(data: bytes, generator: Generator) -> bytes:
    start, stop = _span(data, generator)
    return data[:start] + bytes(len(data[start:stop])) + data[stop:]


def _append(data: bytes, generator: Generator) -> bytes:
    return data + (data if generator.random() < 0.5 else generator.bytes(int(generator.integers(1, 100))))


def _number(data: bytes, generator: Generator) -> bytes:
    """Write a number where a length, an offset or a count may be."""
    size, number = int(generator.choice([1, 2, 4, 8])), NUMBERS[generator.integers(len(NUMBERS))]
    at = min(_place(data, generator) // size * size, max(0, len(data) - size))
    order: Literal["little", "big"] = "little" if generator.random() < 0.7 else "big"
    return data[:at] + (number % (1 << 8 * size)).to_bytes(size, order) + data[at + size :]


def _near_number(data: bytes, generator: Generator) -> bytes:
    """Change a number by a little."""
    if len(data) < 4:
        return data
    at = min(_place(data, generator), len(data) - 4) // 4 * 4
    order = "<" if generator.random() < 0.7 else ">"
    (number,) = struct.unpack_from(f"{order}I", data, at)
    return data[:at] + struct.pack(f"{order}I", (number + int(generator.integers(-8, 9))) % (1 << 32)) + data[at + 4 :]


def _words(data: bytes) -> list[tuple[int, int]]:
    """Return where words start and end."""
    return [match.span() for match in _TOKEN.finditer(data)]


def _other(generator: Generator) -> bytes:
    return WORDS[int(generator.integers(len(WORDS)))]


def _word(data: bytes, generator: Generator) -> bytes:
    """Put another word in the place of one."""
    start, end = (words := _words(data) or [(0, len(data))])[generator.integers(len(words))]
    return data[:start] + _other(generator) + data[end:]


def _other_word(data: bytes, generator: Generator) -> bytes:
    """Copy one word over another."""
    words = _words(data) or [(0, len(data))]
    (start, end), (first, last) = (words[i] for i in generator.integers(len(words), size=2))
    return data[:start] + data[first:last] + data[end:]


def _insert_word(data: bytes, generator: Generator) -> bytes:
    at = _place(data, generator)
    return data[:at] + _other(generator) + data[at:]


def _lines(data: bytes, generator: Generator) -> bytes:
    """Remove, repeat or move a line, or end lines in another way."""
    lines = data.splitlines(keepends=True) or [b""]
    one, other = (int(i) for i in generator.integers(len(lines), size=2))
    match int(generator.integers(5)):
        case 0:
            del lines[one]
        case 1:
            lines.insert(other, lines[one])
        case 2:
            lines[one], lines[other] = lines[other], lines[one]
        case 3:
            lines = [line.rstrip(b"\r\n") + (b"\r\n", b"\r", b"\n\n")[generator.integers(3)] for line in lines]
        case _:
            lines[one] = b" " + lines[one]
    return b"".join(lines)


_OF_BYTES: Sequence[Mutation] = (_flip, _truncate, _insert, _remove, _repeat, _swap, _zeros, _append)
_OF_NUMBERS: Sequence[Mutation] = (_number, _number, _number, _near_number, _near_number)
_OF_TEXT: Sequence[Mutation] = (_word, _word, _other_word, _insert_word, _lines)


def with_right_checksums(data: bytes) -> bytes:
    """Return a PNG whose chunks, as far as they can be told, have the checksums of what they hold."""
    changed, position = bytearray(data), 8
    while position + 12 <= len(data):
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if end + 4 > len(data):
            break
        changed[end : end + 4] = zlib.crc32(data[position + 4 : end]).to_bytes(4, "big")
        position = end + 4
    return bytes(changed)

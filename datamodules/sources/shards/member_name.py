"""What a file in a shard is called, by the blocks before its bytes."""

import io
import tarfile

BLOCK = tarfile.BLOCKSIZE
LOOKED_BACK = 8 * BLOCK
"""Bytes before those of a file: its header, and before that a long name, or one that is not ASCII, with its own."""
_EXTENDED = (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME)
_SIZE, _TYPE, _MAGIC = slice(124, 135), slice(156, 157), slice(257, 262)  # in a header


def member_name(before: bytes, short: str) -> str:
    """Return a file's whole name.

    Args:
        before: Whole blocks that end with the file's header.
        short: What that header calls it.
    """
    header = len(before) - BLOCK
    for start in range(header - 2 * BLOCK, -1, -BLOCK):
        block = before[start : start + BLOCK]
        if block[_MAGIC] == b"ustar" and block[_TYPE] in _EXTENDED and _end(block, start) == header:
            return _extended(before[start:]) or short
    return short


def _end(block: bytes, start: int) -> int:
    """Return where the bytes of an extended header end."""
    digits = block[_SIZE].strip(b" \0")
    return (
        start + BLOCK + -(-int(digits, 8) // BLOCK) * BLOCK if digits.isdigit() and not set(digits) & set(b"89") else 0
    )


def _extended(blocks: bytes) -> str:
    """Return the name by an extended header, empty where that is damaged."""
    try:
        with tarfile.open(fileobj=io.BytesIO(blocks), mode="r:") as archive:
            found = archive.next()
    except (tarfile.TarError, ValueError, OverflowError):
        return ""
    return found.name if found is not None and found.offset_data == len(blocks) else ""

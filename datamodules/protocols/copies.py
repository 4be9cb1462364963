"""Comparisons of an image with a copy of itself, which any network gets right."""

import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.seams.evaluation_protocol import EvaluationProtocol

log = logging.getLogger(__name__)

_SHOWN = 3
_PEEK = 4096


def first_copies(paths: Sequence[Path]) -> NDArray[np.int64]:
    """Return the place of the first file with the same bytes, ``(N,)``: its own for a file without an earlier copy.

    Files of a size of their own are not read, and of others first a piece in the middle.
    """
    first = np.arange(len(paths))
    for group in _alike(paths, first.tolist(), [_size, _middle, _digest]):
        first[group] = min(group)
    return first


def tell_copies(protocol: EvaluationProtocol, first: NDArray[np.int64]) -> EvaluationProtocol:
    """Log in one line how many comparisons are of an image with its copy, and the first of them; return the protocol.

    Args:
        protocol: What is compared.
        first: The first image that is the same, for each of the protocol's source, ``(N,)``.
    """
    found: dict[tuple[int, int], None] = {}
    for pairs in protocol.verification.values():
        same = first[pairs.first] == first[pairs.second]
        found |= dict.fromkeys(zip(pairs.first[same].tolist(), pairs.second[same].tolist(), strict=True))
    for identification in protocol.identification.values():
        gallery = identification.gallery
        enrolled = dict(zip(first[gallery].tolist(), gallery.tolist(), strict=True))
        probes = identification.probes[np.isin(first[identification.probes], list(enrolled))]
        found |= dict.fromkeys((int(probe), enrolled[int(first[probe])]) for probe in probes)
    if found:
        names = [" = ".join(map(protocol.source.name, pair)) for pair in list(found)[:_SHOWN]]
        more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
        message = "%s: %s comparisons are of an image with its own copy, which any network gets right: %s%s"
        log.warning(message, protocol.name, f"{len(found):,}", ", ".join(names), more)
    return protocol


def _alike(
    paths: Sequence[Path], indices: Iterable[int], keys: Sequence[Callable[[Path], Hashable]]
) -> Iterable[list[int]]:
    """Yield the groups of two files and more that agree in every key, asked for one after the other."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index in indices:
        with suppress(OSError):  # refused when it is read, as an empty file is
            if key := keys[0](paths[index]):
                groups[key].append(index)
    for group in groups.values():
        if len(group) > 1:
            yield from [group] if len(keys) == 1 else _alike(paths, group, keys[1:])


def _size(path: Path) -> int:
    return path.stat().st_size


def _middle(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, _size(path) // 2 - _PEEK // 2))
        return blake2b(file.read(_PEEK)).digest()


def _digest(path: Path) -> bytes:
    return blake2b(path.read_bytes()).digest()

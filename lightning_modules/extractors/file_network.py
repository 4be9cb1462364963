"""A network that is a program in a file."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from lightning_modules.networks.foreign import mistaken_for


class FileNetwork(nn.Module):
    """Base of networks that are programs in files; a buffer stands for the contents, so that they can be told apart.

    Args:
        path: The file.

    Raises:
        ValueError: If it is not there, or its beginning shows that it is no network.
    """

    not_counted = frozenset({"path", "session"})
    """Attributes that tell no network apart where the contents do: a file that was moved is the same network."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        if not Path(path).exists():
            raise ValueError(f"Expected a file of a network, got {path}, which is not there")
        if what := mistaken_for(Path(path)):
            raise ValueError(f"Expected a file of a network, got {path}: {what}")
        content = torch.frombuffer(bytearray(self._digest(Path(path))), dtype=torch.uint8)
        self.register_buffer("content", content)

    def _digest(self, path: Path) -> bytes:
        hashed = hashlib.sha256()
        for file in (path, *self.companions(path)):
            with file.open("rb") as stream:
                hashed.update(hashlib.file_digest(stream, "sha256").digest())
        return hashed.digest()

    def companions(self, path: Path) -> Iterable[Path]:
        """Return the files that the file refers to; none unless a format has such."""
        return ()

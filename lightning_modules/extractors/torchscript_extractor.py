"""Any model that somebody has saved as TorchScript."""

import warnings
from typing import Any

import torch
from torch import Tensor

from lightning_modules.extractors.extractor import Extractor, FileNetwork


class TorchScriptExtractor(Extractor):
    """A TorchScript file from ``torch.jit.save``.

    Such a file is a program: open only files of people whom you trust.

    Args:
        path: The file.
        settings: Of :class:`Extractor`.

    Raises:
        ValueError: If the file cannot be read.
    """

    def __init__(self, path: str, **settings: Any) -> None:
        super().__init__(_ScriptedNetwork(path), **settings)


class _ScriptedNetwork(FileNetwork):
    def __init__(self, path: str) -> None:
        super().__init__(path)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # torch's, of the format itself
                self.scripted = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]  # torch's
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"Expected a TorchScript file, got {path}: {str(error).splitlines()[0]}") from error

    def forward(self, x: Tensor) -> Tensor:
        """Return the embeddings of ``(B, C, H, W)`` images."""
        embeddings: Tensor = self.scripted(x)
        return embeddings

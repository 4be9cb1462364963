"""Any model that somebody has saved as TorchScript."""

import warnings
from typing import Any

import torch
from torch import Tensor

from lightning_modules.extractors.extractor import Extractor
from lightning_modules.extractors.file_network import FileNetwork
from lightning_modules.networks.foreign import foreign


class TorchScriptExtractor(Extractor):
    """A TorchScript file from ``torch.jit.save``.

    Such a file is a program: open only files of people whom you trust. One that was traced for a fixed number of images
    needs it as ``batch_size``.

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
        with warnings.catch_warnings(), foreign("a TorchScript file", path):
            warnings.simplefilter("ignore", FutureWarning)  # torch's, of the format itself
            self.scripted = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]  # torch's

    def forward(self, x: Tensor) -> Tensor:
        """Return the embeddings of ``(B, C, H, W)`` images."""
        embeddings: Tensor = self.scripted(x)
        return embeddings

"""Any model that somebody has saved as ONNX."""

from typing import Any

import torch
from torch import Tensor

from lightning_modules.extractors.extractor import Extractor, FileNetwork


class OnnxExtractor(Extractor):
    """An ONNX file, run by onnxruntime, which is not among this suite's requirements: ``pip install onnxruntime``.

    Args:
        path: The file; its first output are the embeddings.
        settings: Of :class:`Extractor`.

    Raises:
        ValueError: If onnxruntime is not installed, or the file cannot be read.
    """

    def __init__(self, path: str, **settings: Any) -> None:
        super().__init__(_OnnxNetwork(path), **settings)


class _OnnxNetwork(FileNetwork):
    def __init__(self, path: str) -> None:
        super().__init__(path)
        try:
            import onnxruntime  # noqa: PLC0415  optional
        except ImportError as error:
            raise ValueError("Expected onnxruntime for an ONNX file, got none: pip install onnxruntime") from error
        try:
            self.session = onnxruntime.InferenceSession(path, providers=onnxruntime.get_available_providers())
        except Exception as error:  # its errors share no base
            raise ValueError(f"Expected an ONNX file, got {path}: {str(error).splitlines()[0]}") from error
        self.input_name = self.session.get_inputs()[0].name

    def forward(self, x: Tensor) -> Tensor:
        """Return the first output for ``(B, C, H, W)`` images."""
        output = self.session.run(None, {self.input_name: x.cpu().numpy()})[0]
        return torch.from_numpy(output).to(x.device)

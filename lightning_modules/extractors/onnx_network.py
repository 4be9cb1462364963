"""A network in an ONNX file, as onnxruntime runs it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lightning_modules.extractors.external_data import external_data
from lightning_modules.extractors.file_network import FileNetwork
from lightning_modules.extractors.onnx_input import onnx_input
from lightning_modules.networks.foreign import foreign

FATAL = 4
"""onnxruntime's least talkative level: it warns of every initialiser, and errors reach the user as exceptions."""
PROCESSOR = "CPUExecutionProvider"
NOT_BY_DEFAULT = ("AzureExecutionProvider", "TensorrtExecutionProvider")
"""The one computes elsewhere, the other compiles for minutes."""


class OnnxNetwork(FileNetwork):
    """An ONNX file and its session.

    Args:
        path: The file.
        providers: What computes, by onnxruntime's names, the first choice first; by default all that are installed.
        channels_last: Whether its images are ``(B, H, W, C)``; ``None`` is what its shape says.

    Attributes:
        input: What it takes.
        providers: What computes.
        declared: What the file says of itself, by key.

    Raises:
        ValueError: If the file cannot be read, a provider is none or cannot be used, or its input are no images.
    """

    def __init__(self, path: str, *, providers: Sequence[str] | None = None, channels_last: bool | None = None) -> None:
        super().__init__(path)
        self.session = _opened(path, providers)
        self.input = onnx_input(self.session.get_inputs(), path, channels_last)
        self.providers: list[str] = self.session.get_providers()
        self.declared: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        self.names = [output.name for output in self.session.get_outputs()]

    @property
    def on_processor(self) -> bool:
        """Whether the processor computes all of it."""
        return self.providers == [PROCESSOR]

    def companions(self, path: Path) -> Iterator[Path]:
        """Return the files that hold the tensors which are too large for the file itself."""
        return external_data(path)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return all outputs for ``(B, C, H, W)`` images, by name."""
        images = x.permute(0, 2, 3, 1).contiguous() if self.input.channels_last else x
        outputs = self.session.run(None, {self.input.name: images.to("cpu", self.input.dtype).numpy()})
        return {name: torch.from_numpy(array).to(x.device) for name, array in zip(self.names, outputs, strict=True)}


def _opened(path: str, providers: Sequence[str] | None) -> Any:
    """Return a session.

    Raises:
        ValueError: If the file or a provider is none.
    """
    import onnxruntime  # noqa: PLC0415  for this format only

    available = onnxruntime.get_available_providers()
    wanted = [name for name in available if name not in NOT_BY_DEFAULT] if providers is None else list(providers)
    if unknown := [name for name in wanted if name not in available]:
        raise ValueError(f"Expected `providers` among {', '.join(available)}, got {unknown[0]!r}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    options.intra_op_num_threads = 1  # threads take parts of a batch: that is faster than sharing out each layer
    with foreign("an ONNX file", path):
        session = onnxruntime.InferenceSession(path, options, providers=wanted)
    if providers is not None and (lost := [name for name in wanted if name not in session.get_providers()]):
        raise ValueError(f"Expected `providers` that work here, got {lost[0]!r}: onnxruntime could not start it")
    return session

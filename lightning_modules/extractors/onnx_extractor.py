"""Any model that somebody has saved as ONNX."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lightning_modules.extractors.extractor import Extractor
from lightning_modules.extractors.file_network import FileNetwork
from lightning_modules.networks.foreign import foreign

DTYPES = {"tensor(float)": torch.float32, "tensor(float16)": torch.float16, "tensor(double)": torch.float64}
"""Types of input that images are turned into, by ONNX's names."""
FATAL = 4
"""onnxruntime's least talkative level: it warns of every initialiser, and errors reach the user as exceptions."""
LOCATION = re.compile(rb"\n\x08location\x12")
"""Before the length and the name of a file with tensors, in protobuf: an entry of ``TensorProto.external_data``."""


class OnnxExtractor(Extractor):
    """An ONNX file, run by onnxruntime, which is not among this suite's requirements: ``pip install onnxruntime``.

    What the file fixes need not be given: the size of its images, ``image_size``, and their number, ``batch_size``. On
    a processor as many parts of a batch are in the network at once as torch has threads.

    Args:
        path: The file; its one input are images ``(B, C, H, W)``, its first output the embeddings ``(B, D)``.
        settings: Of :class:`Extractor`.

    Raises:
        ValueError: If onnxruntime is not installed, the file cannot be read, its input or output is another, or a
            setting differs from what it fixes.
    """

    def __init__(
        self, path: str, *, image_size: int | None = None, batch_size: int | None = None, **settings: Any
    ) -> None:
        network = _OnnxNetwork(path)
        images, channels, *sides = network.shape
        batch_size = _fixed("batch_size", batch_size, {images}, path)
        size = _fixed("image_size", image_size, set(sides), path)
        if size is None:
            raise ValueError(f"Expected `image_size`, which {path} leaves open, got none")
        super().__init__(network, image_size=size, batch_size=batch_size, **settings)
        given = 1 if self.normalize.grey else 3
        if isinstance(channels, int) and channels != given:
            raise ValueError(f"Expected images of {channels} channel(s) for {path}, got {given} from `normalize`")
        self.threads = torch.get_num_threads() if network.providers == ["CPUExecutionProvider"] else 1


class _OnnxNetwork(FileNetwork):
    def __init__(self, path: str) -> None:
        super().__init__(path)
        try:
            import onnxruntime  # noqa: PLC0415  optional
        except ImportError as error:
            raise ValueError("Expected onnxruntime for an ONNX file, got none: pip install onnxruntime") from error
        with foreign("an ONNX file", path):
            self.session, self.shape = _open(onnxruntime, path)
        (self.input_name, self.dtype), self.providers = _input(self.session, path), self.session.get_providers()

    def companions(self, path: Path) -> Iterator[Path]:
        """Return the files that hold the tensors which are too large for the file itself."""
        return external_data(path)

    def forward(self, x: Tensor) -> Tensor:
        """Return the first output for ``(B, C, H, W)`` images."""
        output = self.session.run(None, {self.input_name: x.to("cpu", self.dtype).numpy()})[0]
        return torch.from_numpy(output).to(x.device)


def _fixed(name: str, given: int | None, dimensions: set[Any], path: str) -> int | None:
    """Return a setting, or what a file fixes it to by its dimensions.

    Raises:
        ValueError: If both are there and differ, or dimensions that should be equal do.
    """
    fixed = sorted(size for size in dimensions if isinstance(size, int))
    if len(fixed) > 1:
        raise ValueError(f"Expected an ONNX file of square images, got {path}: {fixed[1]} × {fixed[0]}")
    if fixed and given not in (None, fixed[0]):
        raise ValueError(f"Expected `{name}` of {fixed[0]}, as {path} fixes it, got {given}")
    return fixed[0] if fixed else given


def _open(onnxruntime: Any, path: str) -> tuple[Any, tuple[Any, ...]]:
    """Return a session and the shape of its input: integers where the file fixes them."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    options.intra_op_num_threads = 1  # threads take parts of a batch: that is faster than sharing out each layer
    providers = onnxruntime.get_available_providers()
    session = onnxruntime.InferenceSession(path, options, providers=providers)
    return session, tuple(session.get_inputs()[0].shape)


def _input(session: Any, path: str) -> tuple[str, torch.dtype]:
    """Return name and type of a network's only input.

    Raises:
        ValueError: If there are several, it takes no images with channels first, or the first output is not ``(B, D)``.
    """
    inputs, output = session.get_inputs(), session.get_outputs()[0]
    shape = inputs[0].shape
    channels_last = len(shape) == 4 and shape[3] in (1, 3) and shape[1] not in (1, 3)
    if len(inputs) != 1 or len(shape) != 4 or channels_last or inputs[0].type not in DTYPES:
        got = ", ".join(f"{one.name} {tuple(one.shape)} {one.type}" for one in inputs)
        raise ValueError(f"Expected an ONNX file with one input of images (B, C, H, W), float, got {path}: {got}")
    if len(output.shape) not in (0, 2):
        got = f"{output.name} {tuple(output.shape)}"
        raise ValueError(f"Expected an ONNX file whose first output are embeddings (B, D), got {path}: {got}")
    return inputs[0].name, DTYPES[inputs[0].type]


def external_data(path: Path) -> Iterator[Path]:
    """Return the files beside an ONNX file that hold tensors of it, as far as they are there."""
    content = path.read_bytes()
    names = {_text(content, found.end()) for found in LOCATION.finditer(content)}
    return (path.parent / name for name in sorted(names) if (path.parent / name).is_file())


def _text(content: bytes, start: int) -> str:
    """Return a protobuf string: its length in groups of seven bits, the lowest first, and its bytes."""
    length, shift = 0, 0
    while start < len(content):
        byte = content[start]
        length, shift, start = length | (byte & 0x7F) << shift, shift + 7, start + 1
        if byte < 0x80:
            break
    return content[start : start + length].decode(errors="replace")

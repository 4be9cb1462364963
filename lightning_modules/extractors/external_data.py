"""Tensors of an ONNX file that lie in other files."""

from collections.abc import Iterator
from pathlib import Path

from lightning_modules.networks.foreign import foreign


def external_data(path: Path) -> Iterator[Path]:
    """Yield the files beside an ONNX file that hold tensors of it, as far as they are there, in their names' order.

    Raises:
        ValueError: If it is no ONNX file.
    """
    import onnx  # noqa: PLC0415  for this format only
    from onnx import external_data_helper as external  # noqa: PLC0415

    with foreign("an ONNX file", path):
        model = onnx.load(path, load_external_data=False)
        tensors = [tensor for tensor in external._get_all_tensors(model) if external.uses_external_data(tensor)]
        names = {external.ExternalDataInfo(tensor).location for tensor in tensors}
    yield from (path.parent / name for name in sorted(names) if (path.parent / name).is_file())

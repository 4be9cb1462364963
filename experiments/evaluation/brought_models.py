"""Models of others: described in a YAML file, or given as the file that they are."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from experiments.cli import UserError
from experiments.cli.first_process import is_first
from experiments.evaluation.described import described
from lightning_modules.extractors import Extractor, OnnxExtractor, TorchScriptExtractor
from lightning_modules.networks import Normalize

YAML, ONNX, TORCHSCRIPT = (".yaml", ".yml"), (".onnx",), (".pt", ".ts", ".jit", ".torchscript")
"""Endings of files, by what they hold."""
USUAL_SIZE = 112
"""Side of aligned faces in pixels, where a file says nothing."""


def brought(path: str, options: Namespace) -> Extractor:
    """Build the extractor that a YAML file describes, or of a network's own file, and say how it is used.

    Args:
        path: The file.
        options: ``image_size``, ``mean``, ``std`` and ``bgr`` of networks' own files.

    Raises:
        UserError: If it is none, or cannot be used.
    """
    if Path(path).suffix in YAML:
        return described(path, Extractor)
    try:
        extractor = _of_file(path, options)
    except ValueError as error:
        raise UserError(" ".join(str(error).split())) from error
    if is_first():
        print(f"{path}: {extractor.describe()}")
    return extractor


def check_pixel_options(options: Namespace) -> None:
    """Refuse options of networks' own files where there is none.

    Raises:
        UserError: If it is so.
    """
    given = [name for name in ("image_size", "mean", "std", "bgr") if getattr(options, name) not in (None, False)]
    if given and all(Path(path).suffix in YAML for path in options.extractor):
        option = f"--{given[0].replace('_', '-')}"
        raise UserError(f"Expected an ONNX or TorchScript file as --extractor with {option}, got none")


def _of_file(path: str, options: Namespace) -> Extractor:
    settings: dict[str, Any] = {"normalize": _normalize(options), "bgr": options.bgr}
    if Path(path).suffix in TORCHSCRIPT:
        return TorchScriptExtractor(path, image_size=options.image_size or USUAL_SIZE, **settings)
    if Path(path).suffix in ONNX:
        return OnnxExtractor(path, image_size=options.image_size, open_size=USUAL_SIZE, **settings)
    endings = ", ".join((*YAML, *ONNX, *TORCHSCRIPT))
    raise ValueError(f"Expected --extractor to end in one of {endings}, got {path}")


def _normalize(options: Namespace) -> Normalize | None:
    """Return the normalisation that was asked for; of one value for all channels, three."""
    if options.mean is None and options.std is None:
        return None
    default = Normalize()
    mean, std = options.mean or default.mean.flatten().tolist(), options.std or default.std.flatten().tolist()
    return Normalize(*(values * 3 if len(values) == 1 else values for values in (mean, std)))

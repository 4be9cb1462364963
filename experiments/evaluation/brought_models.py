"""Models of others: described in a YAML file, or given as the file or exported folder that they are."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from experiments.cli import UserError
from experiments.cli.first_process import is_first
from experiments.evaluation.described import described
from experiments.exporting.exported_folder import exported_onnx
from lightning_modules.extractors import Extractor, IResNetExtractor, OnnxExtractor, TorchScriptExtractor
from lightning_modules.networks import Normalize

YAML, ONNX, TORCHSCRIPT = (".yaml", ".yml"), (".onnx",), (".pt", ".ts", ".jit", ".torchscript")
WEIGHTS = (".pth", ".ckpt", ".safetensors")
"""Endings of files, by what they hold."""
USUAL_SIZE = 112
"""Side of aligned faces in pixels, where a file says nothing."""


def brought(path: str, options: Namespace) -> Extractor:
    """Build the extractor of a YAML file, of a network's own file or of an exported model, and say how it is used.

    Args:
        path: The file, or the folder that ``experiments.export`` has written.
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
    if given and all(Path(path).suffix in YAML or Path(path).is_dir() for path in options.extractor):
        option = f"--{given[0].replace('_', '-')}"
        raise UserError(f"Expected an ONNX or TorchScript file as --extractor with {option}, got none")


def _of_file(path: str, options: Namespace) -> Extractor:
    if Path(path).is_dir():
        onnx, content = exported_onnx(Path(path))
        return OnnxExtractor(str(onnx), alignment=content.get("alignment"))
    if Path(path).suffix in WEIGHTS:
        extractor = IResNetExtractor(path, bgr=options.bgr, normalize=_normalize(options))
        if options.image_size not in (None, extractor.image_size):
            fixed = f"`image_size` of {extractor.image_size}, as {path} fixes it"
            raise ValueError(f"Expected {fixed}, got {options.image_size}")
        return extractor
    settings: dict[str, Any] = {"normalize": _normalize(options), "bgr": options.bgr}
    if Path(path).suffix in TORCHSCRIPT:
        return TorchScriptExtractor(path, image_size=options.image_size or USUAL_SIZE, **settings)
    if Path(path).suffix in ONNX:
        return OnnxExtractor(path, image_size=options.image_size, open_size=USUAL_SIZE, **settings)
    endings = ", ".join((*YAML, *ONNX, *TORCHSCRIPT, *WEIGHTS))
    raise ValueError(f"Expected --extractor to end in one of {endings}, or to be an exported folder, got {path}")


def _normalize(options: Namespace) -> Normalize | None:
    """Return the normalisation that was asked for; of one value for all channels, three."""
    if options.mean is None and options.std is None:
        return None
    default = Normalize()
    mean, std = options.mean or default.mean.flatten().tolist(), options.std or default.std.flatten().tolist()
    mean, std = (values * 3 if len(values) == 1 else values for values in (mean, std))
    return Normalize(mean, std)

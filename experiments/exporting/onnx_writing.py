"""A network as an ONNX file, which is only kept where onnxruntime agrees with torch."""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import torch
from torch import Tensor

from experiments.cli import UserError
from experiments.cli.foreign_chatter import warnings_only
from experiments.exporting.exported_network import ExportedNetwork
from lightning_modules.extractors.onnx_network import OnnxNetwork
from lightning_modules.networks.dry_run import evaluating
from lightning_modules.networks.foreign import foreign

LARGEST_FILE = 2**31 - 2**24
"""Bytes of weights that fit into one file of protobuf; those of larger networks lie beside it."""
TRACED = 2
"""Images that a network is traced with: one alone would be taken for a constant."""
BATCHES = (1, 7)
"""Numbers of images that both sides are compared on."""
TOLERANCE = 1e-4


def write_onnx(network: ExportedNetwork, image_size: int, path: Path, declared: Mapping[str, str]) -> None:
    """Write a network as ONNX; it takes ``images``, any number of them, of one size.

    By ``torch.export``: torch's older tracer takes sizes that follow from an image's for unknown, and so fails on
    masks that come from scores and on segmenters that crop what they have padded.

    Args:
        network: In evaluation.
        image_size: Side of its images in pixels.
        path: The file.
        declared: What the file says of itself.

    Raises:
        UserError: If torch cannot.
    """
    images = torch.zeros(TRACED, 3, image_size, image_size)
    size = sum(tensor.nbytes for tensor in network.state_dict().values())
    try:
        with evaluating(network), _quiet(), foreign("a network that torch can write as ONNX"):
            program = torch.onnx.export(
                network,
                (images,),
                input_names=["images"],
                output_names=network.outputs,
                dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
                dynamo=True,
                verbose=False,
            )
            if program is None:
                raise ValueError("no program")
            program.model.metadata_props.update(declared)
            program.save(path, external_data=size > LARGEST_FILE)
    except ValueError as error:
        raise UserError(str(error)) from error


def check_agreement(network: ExportedNetwork, image_size: int, path: Path) -> float:
    """Compare an ONNX file in onnxruntime with its network in torch, on random images, and return the difference.

    Args:
        network: In evaluation.
        image_size: Side of its images in pixels.
        path: The file.

    Returns:
        The largest difference, as a share of the largest number of that output where that is above 1.

    Raises:
        UserError: If it is above 1e-4, or onnxruntime does not run the file.
    """
    generator, worst = torch.Generator().manual_seed(0), 0.0
    try:
        session = OnnxNetwork(str(path))
        for number in BATCHES:
            images = torch.randint(256, (number, 3, image_size, image_size), generator=generator) / network.scale
            with evaluating(network), foreign(f"{path.name} to embed {number} images"):
                expected, found = network(images), session(images)
            for name, tensor in zip(network.outputs, expected, strict=True):
                worst = max(worst, _difference(found[name], tensor, f"{name} of {number} images"))
    except ValueError as error:
        raise UserError(str(error)) from error
    return worst


def _difference(found: Tensor, expected: Tensor, what: str) -> float:
    if found.shape != expected.shape:
        raise ValueError(f"Expected onnxruntime's {what} of {tuple(expected.shape)}, got {tuple(found.shape)}")
    difference = float((found - expected).abs().max() / expected.abs().max().clamp(min=1))
    if not difference <= TOLERANCE:
        raise ValueError(f"Expected onnxruntime's {what} to agree with torch's to {TOLERANCE:g}, got {difference:.2g}")
    return difference


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out how torch gets on with it, which is printed, logged and warned of; errors are raised."""
    with redirect_stdout(io.StringIO()), warnings_only("torch.onnx"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

"""An ONNX file as a network that torch follows, for what needs a network's layers, as occlusion maps do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lightning_modules.embedding_network import EmbeddingNetwork
from lightning_modules.networks.onnx_graph import open_onnx
from lightning_modules.networks.onnx_parts import trainable_part

if TYPE_CHECKING:
    from lightning_modules.extractors.onnx_extractor import OnnxExtractor

LARGEST_DIFFERENCE = 1e-3
"""Of directions of embeddings by both, by which conversion is refused: rounding of SFace makes 1e-6."""


def converted(extractor: "OnnxExtractor") -> nn.Module:
    """Return what embeds as an extractor's file does, in torch, for any number of images.

    It is compared with onnxruntime on noise, layer by layer where that is said, and here on noise of pixels.

    Args:
        extractor: Its pixels and its mirroring are kept.

    Returns:
        Maps images as :meth:`~.extractor.Extractor.pixels` makes them, ``(B, C, H, W)``, to embeddings ``(B, D)``.

    Raises:
        ValueError: If the file's images have channels last, onnx2torch cannot convert it, or what it makes embeds
            otherwise.
    """
    path = extractor.network.path
    if extractor.network.input.channels_last:
        raise ValueError(f"Expected images (B, C, H, W) of an ONNX file to convert, got (B, H, W, C) of {path}")
    graph = open_onnx(path, extractor.image_size, extractor.output)
    part = trainable_part(graph, graph.source, graph.output).eval().requires_grad_(False)
    settle_shapes(part)
    fold_norms(part)
    network = EmbeddingNetwork(part, flip=extractor.flip).eval()
    side, number = extractor.image_size, extractor.batch_size or 1
    noise = torch.randint(256, (number, 3, side, side), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    check_alike(network, extractor, noise)
    return network


class FixedReshape(nn.Module):
    """A reshape to sizes that are known beforehand; onnx2torch's looks at their values each time, and cannot be traced.

    Args:
        sizes: Of the result; 0 keeps the input's, −1 is what is left.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = tuple(sizes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the same values in other sizes."""
        return x.reshape([size or x.shape[axis] for axis, size in enumerate(self.sizes)])


def settle_shapes(part: Any) -> None:
    """Put :class:`FixedReshape` in the place of reshapes whose sizes are constants of a converted graph."""
    for node in part.graph.nodes:
        if node.op != "call_module" or type(part.get_submodule(node.target)).__name__ != "OnnxReshape":
            continue
        images, sizes = node.args
        if getattr(sizes, "op", None) == "get_attr":
            owner, _, name = sizes.target.rpartition(".")
            part.set_submodule(node.target, FixedReshape(getattr(part.get_submodule(owner), name).tolist()))
            node.args = (images,)
    part.graph.eliminate_dead_code()
    part.recompile()


def fold_norms(part: Any) -> None:
    """Put batch normalisation of a converted graph into the convolution before it: the same values, up to rounding."""
    for node in list(part.graph.nodes):
        before = node.args[0] if node.op == "call_module" and len(node.args) == 1 else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        convolution, norm = part.get_submodule(str(before.target)), part.get_submodule(node.target)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            part.set_submodule(str(before.target), fuse_conv_bn_eval(convolution, norm))
            node.replace_all_uses_with(before)
            part.graph.erase_node(node)
    part.recompile()


@torch.no_grad()
def check_alike(network: nn.Module, extractor: "OnnxExtractor", faces: Tensor) -> None:
    """Refuse a network that embeds faces otherwise than an extractor does.

    Args:
        network: From :func:`converted`.
        extractor: What it was made of.
        faces: Raw RGB images ``(N, 3, H, W)``.

    Raises:
        ValueError: If directions differ by more than :data:`LARGEST_DIFFERENCE`.
    """
    found, expected = network(extractor.pixels(faces)), extractor(faces)
    if found.shape != expected.shape:
        raise ValueError(f"Expected embeddings {tuple(expected.shape)} of a converted file, got {tuple(found.shape)}")
    difference = float((_directions(found) - _directions(expected)).norm(dim=1).max())
    if not difference <= LARGEST_DIFFERENCE:
        raise ValueError(
            f"Expected onnxruntime's embeddings of a converted file, within {LARGEST_DIFFERENCE:g}, got a difference "
            f"of {difference:.2g}"
        )


def _directions(embeddings: Tensor) -> Tensor:
    return torch.nn.functional.normalize(embeddings.float())

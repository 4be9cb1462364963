"""Dry runs: learn a module's output shapes at construction, leaving no trace in it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lightning_modules.networks.segmenter import SegmenterOutput
from lightning_modules.networks.trunk import trunk_stages

FeatureShape = tuple[int, int, int]
_TOO_SMALL = ("is too small", "can't be greater than actual input size")
"""What torch's pools and convolutions say of a feature map from which nothing is left."""


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluate without gradients, then give every submodule its mode back.

    Example:
        >>> net = nn.Sequential(nn.Dropout().eval(), nn.Dropout())
        >>> with evaluating(net):
        ...     net[1].training
        False
        >>> net[0].training, net[1].training
        (False, True)
    """
    modes = [(submodule, submodule.training) for submodule in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for submodule, mode in modes:
            submodule.training = mode


def feature_shape(x: Tensor) -> FeatureShape:
    """Return ``(C, H, W)`` of a feature map ``(B, C, H, W)``.

    Raises:
        ValueError: If there are not four dimensions.

    Example:
        >>> feature_shape(torch.zeros(1, 2, 3, 4))
        (2, 3, 4)
    """
    if x.ndim != 4:
        raise ValueError(f"Expected a feature map of shape (B, C, H, W), got {tuple(x.shape)}")
    _, channels, height, width = x.shape
    return channels, height, width


def trunk_shape(trunk: nn.Module, image: Tensor) -> FeatureShape:
    """Return ``(C, H, W)`` of a trunk's output.

    Raises:
        ValueError: If it is no feature map, or the image too small for the trunk.

    Example:
        >>> trunk_shape(nn.MaxPool2d(2), torch.zeros(1, 3, 8, 8))
        (3, 4, 4)
    """
    with evaluating(trunk), _refusing_small(image):
        return feature_shape(trunk(image))


def head_embedding_dim(head: nn.Module, shape: FeatureShape) -> int:
    """Return D of a head that maps ``(B, *shape)`` to ``(B, D)``.

    Raises:
        ValueError: If the head's output is not ``(B, D)``.

    Example:
        >>> head_embedding_dim(nn.Flatten(), (2, 3, 4))
        24
    """
    with evaluating(head):
        embedding = head(torch.zeros(1, *shape))
    if embedding.ndim != 2:
        raise ValueError(f"Expected a head whose output is (B, D), got {tuple(embedding.shape)}")
    return int(embedding.shape[1])


def stage_shapes(trunk: nn.Module, image: Tensor) -> list[FeatureShape]:
    """Return the image's shape, then that of each stage's output: index k is mask position k.

    Raises:
        ValueError: If the trunk has no ``stages``, one of them does not give a feature map, or the image is too small.

    Example:
        >>> from lightning_modules.networks import Trunk
        >>> stage_shapes(Trunk([nn.Conv2d(3, 4, 3)]), torch.zeros(1, 3, 8, 8))
        [(3, 8, 8), (4, 6, 6)]
    """
    shapes = [feature_shape(image)]
    with evaluating(trunk), _refusing_small(image):
        for stage in trunk_stages(trunk):
            image = stage(image)
            shapes.append(feature_shape(image))
    return shapes


def segmenter_shapes(segmenter: nn.Module, image: Tensor) -> list[FeatureShape]:
    """Return the shapes of a segmenter's feature maps, shallow to deep.

    Raises:
        ValueError: If its logits are not two per pixel of the image.

    Example:
        >>> from lightning_modules.networks import FCN8s
        >>> segmenter_shapes(FCN8s(width=0.125), torch.zeros(1, 3, 32, 32))[-1]
        (64, 2, 2)
    """
    with evaluating(segmenter):
        output: SegmenterOutput = segmenter(image)
    expected = (len(image), 2, *image.shape[-2:])
    if tuple(output.logits.shape) != expected:
        raise ValueError(f"Expected segmentation logits of shape {expected}, got {tuple(output.logits.shape)}")
    return [feature_shape(features) for features in output.features]


@contextmanager
def _refusing_small(image: Tensor) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if not any(words in str(error) for words in _TOO_SMALL):
            raise
        raise ValueError(f"Expected `image_size` large enough for the trunk, got {image.shape[-1]}") from error

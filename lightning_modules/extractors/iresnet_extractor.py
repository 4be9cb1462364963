"""An IResNet that somebody has saved as weights."""

from collections.abc import Mapping
from functools import partial
from math import isqrt
from typing import Any

from torch import Tensor

from lightning_modules.extractors.extractor import Extractor
from lightning_modules.networks import (
    FaceNet,
    IResNetHead,
    IResNetTrunk,
    Normalize,
    load_trunk_weights,
    read_state_dict,
)
from lightning_modules.networks.foreign import foreign
from lightning_modules.networks.iresnet import UNITS
from lightning_modules.networks.iresnet_weights import IResNetWeights, iresnet_weights
from lightning_modules.pixels import fitting_normalize

_WIDTH = 64  # channels of the stem
_HALVED = 16  # how many times smaller the last map's side is


class IResNetExtractor(Extractor):
    """Weights of ArcFace's, AdaFace's or CVLface's authors; depth, size of images and pixels are what the file says.

    Args:
        path: A file of :func:`~lightning_modules.networks.iresnet_weights.iresnet_weights`.
        normalize: What turns raw pixels into its input, where the file does not say.
        bgr: Whether it takes blue first, where the file does not say.
        settings: Of :class:`Extractor`.

    Raises:
        ValueError: If the file cannot be read, is of no IResNet with its head, or takes other pixels.
    """

    def __init__(self, path: str, *, normalize: Normalize | None = None, bgr: bool = False, **settings: Any) -> None:
        found = iresnet_weights(read_state_dict(path))
        if found is None or found.units not in UNITS.values():
            got = f"{found.depth or 'other weights'}" if found else "weights with other names"
            raise ValueError(
                f"Expected weights of an IResNet of depth {', '.join(map(str, UNITS))} in {path}, got {got}"
            )
        with foreign("an IResNet with its head", path):
            network = _network(found, found.tensors)
        load_trunk_weights(network, path)
        if bgr:
            given = normalize or Normalize()
            normalize = Normalize(given.mean.flatten().tolist(), given.std.flatten().tolist(), bgr=True)
        normalize = fitting_normalize(normalize, path, network)
        super().__init__(network, image_size=network.image_size, normalize=normalize, **settings)


def _network(found: IResNetWeights, tensors: Mapping[str, Tensor]) -> FaceNet:
    depth = next(depth for depth, units in UNITS.items() if units == found.units)
    stem, matrix = tensors["trunk.stages.0.conv1.weight"], tensors["head.fc.weight"]
    side = _HALVED * isqrt(matrix.shape[1] // tensors["head.bn2.weight"].shape[0])
    trunk = IResNetTrunk(depth, stem.shape[0] / _WIDTH, stem.shape[1], found.first_shortcut)
    return FaceNet(trunk, partial(IResNetHead, embedding_dim=matrix.shape[0]), side)

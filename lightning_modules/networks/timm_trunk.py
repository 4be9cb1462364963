"""Any timm model as a trunk."""

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.networks.trunk import Trunk
from lightning_modules.networks.unused import cut_unused

_SIDE = 64  # pixels, for a look at what is used


class TimmTrunk(Trunk):
    """A timm model's feature extractor, cut at ``out_index``.

    Models that timm can unroll into a sequence (ResNets and most other convolutional networks) get one stage per
    feature level; all others are a single stage, where a mask can act on the image and on the top only. Layers behind
    the output are cut away.

    Args:
        model_name: As in ``timm.list_models()``, for example ``"resnet18"``.
        out_index: Which feature level is the output; −1 is the deepest.
        pretrained: Download timm's weights; False never downloads.
        options: Further arguments of ``timm.create_model``, for example ``{"in_chans": 1}``.

    Raises:
        ValueError: If timm has no such model, or the model has no such feature level.

    Example:
        >>> import torch
        >>> trunk = TimmTrunk("resnet10t", out_index=3)
        >>> [tuple(f.shape[1:]) for f in trunk.features(torch.zeros(1, 3, 64, 64))]
        [(64, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4)]
    """

    def __init__(
        self,
        model_name: str,
        out_index: int = -1,
        pretrained: bool = False,
        options: dict[str, Any] | None = None,
    ) -> None:
        options = options or {}
        super().__init__(_stages(_extractor(model_name, out_index, pretrained, options)))
        image = torch.zeros(1, options.get("in_chans", 3), _SIDE, _SIDE)
        with suppress(AssertionError, RuntimeError):  # a model of one image size alone, which timm prunes itself
            cut_unused(self, lambda: self.features(image))


class _SingleFeature(nn.Module):
    """The one feature map of an extractor, channels first (Swin and its kin put them last)."""

    def __init__(self, extractor: nn.Module) -> None:
        super().__init__()
        self.extractor = extractor
        self.channels_last = _is_channels_last(extractor)

    def forward(self, x: Tensor) -> Tensor:
        features: list[Tensor] = self.extractor(x)
        return features[0].permute(0, 3, 1, 2) if self.channels_last else features[0]


def _is_channels_last(extractor: nn.Module) -> bool:
    return getattr(getattr(extractor, "output_fmt", None), "value", "NCHW") == "NHWC"


def _extractor(model_name: str, out_index: int, pretrained: bool, options: dict[str, Any]) -> nn.Module:
    import timm  # noqa: PLC0415  takes seconds: pay only when used

    if not timm.is_model(model_name):
        raise ValueError(f"Expected `model_name` in timm.list_models(), got {model_name!r}")
    try:
        extractor: nn.Module = timm.create_model(
            model_name, pretrained=pretrained, features_only=True, out_indices=(out_index,), **options
        )
    except (IndexError, AssertionError) as error:
        raise ValueError(f"Expected `out_index` to be a feature level of {model_name}, got {out_index}") from error
    return extractor


def _stages(extractor: nn.Module) -> list[nn.Module]:
    from timm.models import FeatureListNet  # noqa: PLC0415  as above

    if not isinstance(extractor, FeatureListNet) or _is_channels_last(extractor):
        return [_SingleFeature(extractor)]
    ends = {info["module"].replace(".", "_") for info in extractor.feature_info.info}
    stages: list[nn.Module] = []
    layers: list[nn.Module] = []
    for name, layer in extractor.items():
        layers.append(layer)
        if name in ends:
            stages.append(nn.Sequential(*layers))
            layers = []
    return stages

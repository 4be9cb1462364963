"""Any segmentation_models_pytorch architecture as a segmenter."""

from contextlib import suppress
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn

from lightning_modules.networks.segmenter import Segmenter, SegmenterOutput
from lightning_modules.networks.unused import cut_unused


class SMPSegmenter(Segmenter):
    """An architecture of segmentation_models_pytorch behind the :class:`Segmenter` contract.

    The feature maps are those of its encoder, without the image that smp puts in front. Images whose size the
    encoder's stride does not divide are padded at the right and bottom, and what comes out is cropped again. Layers
    that neither logits nor feature maps depend on, such as those of an encoder that is deeper than ``encoder_depth``,
    are cut away.

    Args:
        arch: As in smp, for example ``"Unet"``, ``"FPN"``, ``"DeepLabV3Plus"``.
        encoder_name: As in smp; ``"tu-…"`` is any timm model.
        encoder_weights: For example ``"imagenet"``; None never downloads.
        options: Further arguments of ``smp.create_model``, for example ``{"in_channels": 1}``; not ``classes``.

    Raises:
        ValueError: If smp has no such architecture, if it is built otherwise than of encoder, decoder and head
            (DPT), or if ``options`` sets ``classes``.

    Example:
        >>> import torch
        >>> logits, features = SMPSegmenter("Unet", "resnet18")(torch.zeros(1, 3, 40, 64))
        >>> logits.shape
        torch.Size([1, 2, 40, 64])
        >>> [tuple(f.shape[1:]) for f in features]
        [(64, 20, 32), (64, 10, 16), (128, 5, 8), (256, 3, 4), (512, 2, 2)]
    """

    def __init__(
        self,
        arch: str = "Unet",
        encoder_name: str = "resnet18",
        encoder_weights: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        options = options or {}
        if "classes" in options:
            raise ValueError("Expected `options` without `classes`: there are two, clean and occluded")
        self.model = _build(arch, encoder_name, encoder_weights, options)
        self.stride = int(self.model.encoder.output_stride)  # type: ignore[union-attr, arg-type]  # smp is untyped
        self._cut(int(options.get("in_channels", 3)))

    def forward(self, x: Tensor) -> SegmenterOutput:
        """Return logits ``(B, 2, H, W)`` and the encoder's feature maps of ``(B, C, H, W)`` images."""
        height, width = x.shape[-2:]
        padded = F.pad(x, (0, -width % self.stride, 0, -height % self.stride))
        maps: list[Tensor] = self.model.encoder(padded)  # type: ignore[operator]  # smp is untyped
        decoded: Tensor = self.model.decoder(maps)  # type: ignore[operator]  # smp is untyped
        logits: Tensor = self.model.segmentation_head(decoded)  # type: ignore[operator]  # smp is untyped
        # index 0 is the image itself; encoders without a stride-2 map put one without channels in its place
        features = [_crop(m, x, padded) for m in maps[1:] if m.shape[1] > 0]
        return SegmenterOutput(_crop(logits, x, padded), features)

    def _cut(self, in_channels: int) -> None:
        side = 8 * self.stride  # PAN pools three times what is left of the image
        image = torch.zeros(1, in_channels, side, side)
        with suppress(AssertionError, RuntimeError):  # an encoder of one image size alone
            cut_unused(self, lambda: self(image))


def _build(arch: str, encoder_name: str, encoder_weights: str | None, options: dict[str, Any]) -> nn.Module:
    import segmentation_models_pytorch as smp  # noqa: PLC0415  takes seconds: pay only when used

    architectures = smp.MODEL_ARCHITECTURES_MAPPING
    if arch.lower() not in architectures:
        raise ValueError(f"Expected `arch` in {sorted(architectures)}, got {arch!r}")
    if architectures[arch.lower()].forward is not smp.base.SegmentationModel.forward:
        raise ValueError(f"Expected `arch` of plain encoder, decoder and head, got {arch!r}")
    model: nn.Module = smp.create_model(arch, encoder_name, encoder_weights, classes=2, **options)
    return model


def _crop(features: Tensor, image: Tensor, padded: Tensor) -> Tensor:
    """Cut what belongs to the padding off a map ``(B, C, H', W')``; a cell that is half image stays."""
    sizes = zip(image.shape[-2:], padded.shape[-2:], features.shape[-2:], strict=True)
    height, width = (-(-size * cells // full) for size, full, cells in sizes)  # ceiling
    return features[..., :height, :width]

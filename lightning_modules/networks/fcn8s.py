"""FCN-8s, the paper's occlusion segmentation network."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn

from lightning_modules.networks.dropout import dropout_layer
from lightning_modules.networks.product_convolution import ProductConvolution
from lightning_modules.networks.segmenter import Segmenter, SegmenterOutput, resized
from lightning_modules.networks.vgg16 import CONVOLUTIONS, VGG16Trunk, he_initialise


class FCN8s(Segmenter):
    """VGG16 encoder, fully convolutional fc6 and fc7, and scores fused from strides 32, 16 and 8.

    Trained plainly, FCN-8s collapses to a constant output. Three measures prevent it: transposed convolutions start
    as bilinear interpolation, score layers start at zero, and the skips from pool4 and pool3 are scaled down ("at
    once" training). The scales suit activations of images in 0-255; where images are normalised to about ±1, or with
    batch normalisation, ``skip_scales`` of (1, 1) keep the skips from vanishing.

    In place of the original's 100-pixel border, every convolution pads to the same size, and a feature map whose
    size was odd before pooling is stretched back by interpolation: the logits have the image's size exactly, and the
    encoder's maps have the sizes of a :class:`VGG16Trunk`'s.

    Source: Shelhamer, Long and Darrell (2017), sections 4.2 and 4.3, https://arxiv.org/abs/1605.06211.

    Args:
        width: Factor on the encoder's channels, see :class:`VGG16Trunk`.
        batch_norm: Batch normalisation in the encoder, fc6 and fc7.
        num_classes: 2: clean and occluded.
        skip_scales: Factors on pool4, pool3, … before they are scored, one for each skip: two are FCN-8s; three or
            four add pool2 and pool1 (FCN-4s, FCN-2s) for images so small that stride 8 is coarse.
        fully_connected_dim: Channels of fc6 and fc7; None is 4096 × ``width``.
        fully_connected_kernel: Side of fc6's kernel, odd; 7 covers a 224-pixel image, 3 suits small ones.
        dropout: Probability of dropout after fc6 and fc7.
        in_channels: 3 for RGB, 1 for grey.
        convolutions: Number of convolutions in each stage of the encoder, see :class:`VGG16Trunk`.

    Raises:
        ValueError: If ``fully_connected_kernel`` is not odd, there are not one to four ``skip_scales``,
            ``fully_connected_dim`` is below 1, or ``dropout`` not in [0, 1); at call, if an image is smaller than
            32 pixels.

    Example:
        >>> logits, features = FCN8s(width=0.125, fully_connected_kernel=3)(torch.zeros(1, 3, 45, 37))
        >>> logits.shape
        torch.Size([1, 2, 45, 37])
        >>> features[-1].shape
        torch.Size([1, 64, 2, 2])
    """

    def __init__(
        self,
        width: float = 1.0,
        batch_norm: bool = False,
        num_classes: int = 2,
        *,
        skip_scales: Sequence[float] = (0.01, 0.0001),
        fully_connected_dim: int | None = None,
        fully_connected_kernel: int = 7,
        dropout: float = 0.5,
        in_channels: int = 3,
        convolutions: Sequence[int] = CONVOLUTIONS,
    ) -> None:
        super().__init__()
        if fully_connected_kernel % 2 != 1:
            raise ValueError(f"Expected `fully_connected_kernel` odd, got {fully_connected_kernel}")
        if not 1 <= len(skip_scales) <= 4:
            raise ValueError(f"Expected one to four `skip_scales`, got {list(skip_scales)}")
        if fully_connected_dim is not None and fully_connected_dim < 1:
            raise ValueError(f"Expected `fully_connected_dim` of at least 1, got {fully_connected_dim}")
        *pools, conv5, fc = (max(1, round(c * width)) for c in (64, 128, 256, 512, 512, 4096))
        fc = fc if fully_connected_dim is None else fully_connected_dim
        self.skip_scales = dict(zip((4, 3, 2, 1), skip_scales, strict=False))  # number of the pool → its factor
        self.encoder = VGG16Trunk(width, batch_norm, in_channels, convolutions)
        self.fully_connected = nn.Sequential(
            nn.MaxPool2d(2),
            *_convolution(conv5, fc, fully_connected_kernel, batch_norm, dropout),
            *_convolution(fc, fc, 1, batch_norm, dropout),
        ).apply(he_initialise)
        self.score = _zero_score(fc, num_classes)
        self.score_pools = nn.ModuleDict({f"pool{k}": _zero_score(pools[k - 1], num_classes) for k in self.skip_scales})
        self.upscores = nn.ModuleDict({f"to_pool{k}": _bilinear_upsampling(num_classes, 2) for k in self.skip_scales})
        self.upscore = _bilinear_upsampling(num_classes, 2 ** min(self.skip_scales))

    def forward(self, x: Tensor) -> SegmenterOutput:
        """Return logits ``(B, num_classes, H, W)`` and the five stages' feature maps of ``(B, C, H, W)`` images."""
        if min(x.shape[-2:]) < 32:
            raise ValueError(f"Expected images of at least 32 × 32, got (B, C, H, W) = {tuple(x.shape)}")
        features = self.encoder.features(x)
        score: Tensor = self.score(self.fully_connected(features[4]))  # (B, 2, H/32, W/32)
        for k, scale in self.skip_scales.items():
            pool = F.max_pool2d(features[k - 1], 2)  # (B, C, H/2^k, W/2^k)
            score = resized(self.upscores[f"to_pool{k}"](score), pool) + self.score_pools[f"pool{k}"](scale * pool)
        return SegmenterOutput(resized(self.upscore(score), x), features)


def _convolution(in_channels: int, out_channels: int, kernel: int, batch_norm: bool, dropout: float) -> list[nn.Module]:
    convolution = ProductConvolution(in_channels, out_channels, kernel)
    norm = [nn.BatchNorm2d(out_channels)] if batch_norm else []
    return [convolution, *norm, nn.ReLU(inplace=True), dropout_layer(dropout)]


def _zero_score(in_channels: int, num_classes: int) -> nn.Conv2d:
    score = nn.Conv2d(in_channels, num_classes, kernel_size=1)
    nn.init.zeros_(score.weight)
    nn.init.zeros_(score.bias)  # type: ignore[arg-type]  # Optional in the stubs; present with bias=True
    return score


def _bilinear_upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    size = 2 * factor
    layer = nn.ConvTranspose2d(channels, channels, size, stride=factor, padding=factor // 2, bias=False)
    ramp = 1 - (torch.arange(size) - (size - 1) / 2).abs() / factor  # (size,), peak in the middle
    with torch.no_grad():
        layer.weight.zero_()
        for c in range(channels):  # no class leaks into another at the start
            layer.weight[c, c] = torch.outer(ramp, ramp)
    return layer

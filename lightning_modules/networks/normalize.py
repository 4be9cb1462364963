"""Normalisation: the one owner of channel order and pixel range."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

VGGFACE_MEAN = (129.186, 104.762, 93.594)
"""Mean of VGG-Face's training images, RGB, in 0-255 (Parkhi et al., 2015)."""
VGGFACE_STD = (1.0, 1.0, 1.0)
"""VGG-Face only subtracts its mean."""
IMAGENET_MEAN = (123.675, 116.28, 103.53)
"""ImageNet's mean, RGB, in 0-255: torchvision's (0.485, 0.456, 0.406) times 255."""
IMAGENET_STD = (58.395, 57.12, 57.375)
"""ImageNet's standard deviation, RGB, in 0-255: torchvision's (0.229, 0.224, 0.225) times 255."""

_ITU_R_601 = (0.299, 0.587, 0.114)  # R, G, B
_BGR = (2, 1, 0)
_DEFAULT = (127.5, 127.5, 127.5)  # 0-255 becomes -1 to 1


class Normalize(nn.Module):
    r"""Turn RGB pixels in 0-255 into what a network takes: :math:`(x - \mu) / \sigma` in float32.

    :math:`\mu`, :math:`\sigma` and the order of channels are buffers and travel with the checkpoint, so that a network
    is never fed pixels of another range or order than it was trained on.

    Args:
        mean: :math:`\mu` for R, G, B in 0-255; for grey a single value (or equal ones).
        std: :math:`\sigma`, as ``mean``.
        grey: Weigh R, G, B into one luma channel (ITU-R BT.601) before normalising.
        bgr: Give blue first, to networks that were trained so, as OpenCV reads images.

    Raises:
        ValueError: If both ``grey`` and ``bgr`` are set, ``mean`` or ``std`` do not fit the number of channels, or a
            ``std`` is not positive, or a value is not finite.

    Example:
        >>> red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1)
        >>> Normalize()(red).flatten()
        tensor([ 1., -1., -1.])
        >>> Normalize(mean=[0.0], std=[1.0], grey=True)(red).flatten()  # 0.299 * 255
        tensor([76.2450])
        >>> Normalize(bgr=True)(red).flatten()
        tensor([-1., -1.,  1.])
    """

    mean: Tensor
    std: Tensor
    order: Tensor | None

    def __init__(
        self,
        mean: Sequence[float] = _DEFAULT,
        std: Sequence[float] = _DEFAULT,
        grey: bool = False,
        bgr: bool = False,
    ) -> None:
        super().__init__()
        if grey and bgr:
            raise ValueError("Expected either `grey` or `bgr`, got both: a single channel has no order")
        channels = 1 if grey else 3
        self.grey = grey
        self.register_buffer("mean", _statistics("mean", mean, channels))  # (C, 1, 1)
        self.register_buffer("std", _statistics("std", std, channels))  # (C, 1, 1)
        # a buffer only where it is not RGB: checkpoints of RGB networks have none
        self.register_buffer("order", torch.tensor(_BGR) if bgr else None)  # (3,)
        if not all(0 < value < math.inf for value in std):
            raise ValueError(f"Expected `std` above 0, got {list(std)}")
        if not all(math.isfinite(value) for value in mean):
            raise ValueError(f"Expected a finite `mean`, got {list(mean)}")

    def forward(self, image: Tensor) -> Tensor:
        """Return normalised images.

        Args:
            image: RGB, shape ``(B, 3, H, W)``, uint8 or float, in 0-255.

        Returns:
            float32, shape ``(B, 3, H, W)``, blue first if ``bgr``, or ``(B, 1, H, W)`` if grey.

        Raises:
            ValueError: If the shape is not ``(B, 3, H, W)``.
        """
        if image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(f"Expected RGB images of shape (B, 3, H, W), got {tuple(image.shape)}")
        image = image.float()
        if self.grey:
            red, green, blue = (weight * image[:, c : c + 1] for c, weight in enumerate(_ITU_R_601))
            image = red + green + blue  # (B, 1, H, W)
        normalised: Tensor = (image - self.mean) / self.std
        return normalised.flip(1) if self.bgr else normalised

    @property
    def bgr(self) -> bool:
        """Whether it gives blue first."""
        return self.order is not None

    def extra_repr(self) -> str:
        """Show the settings in ``print(model)``."""
        order = ", bgr=True" if self.bgr else ""
        return f"mean={self.mean.flatten().tolist()}, std={self.std.flatten().tolist()}, grey={self.grey}{order}"

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Take the order as mean and deviation: a state without it is of RGB."""
        order = state_dict.get(f"{prefix}order")
        self.order = None if order is None else torch.empty_like(order, device=self.mean.device)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _statistics(name: str, values: Sequence[float], channels: int) -> Tensor:
    if channels == 1 and len(set(values)) == 1:
        values = values[:1]
    if len(values) != channels:
        raise ValueError(f"Expected `{name}` of {channels} value(s), got {list(values)}")
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)

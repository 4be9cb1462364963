"""Trunk: a convolutional network as a list of stages, between which an occlusion mask may act."""

from collections.abc import Iterable

from torch import Tensor, nn


class Trunk(nn.Module):
    """Stages applied one after the other.

    Args:
        stages: Each maps the feature map ``(B, C, H, W)`` of the one before; the first takes the image.

    Example:
        >>> import torch
        >>> trunk = Trunk([nn.Conv2d(3, 4, 3), nn.MaxPool2d(2)])
        >>> [tuple(f.shape) for f in trunk.features(torch.zeros(1, 3, 8, 8))]
        [(1, 4, 6, 6), (1, 4, 3, 3)]
    """

    stages: nn.ModuleList

    def __init__(self, stages: Iterable[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> Tensor:
        """Return the last stage's feature map ``(B, C, H', W')`` of ``(B, C_in, H, W)`` images."""
        return self.features(x)[-1]

    def features(self, x: Tensor) -> list[Tensor]:
        """Return every stage's feature map, shallow to deep."""
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


def trunk_stages(trunk: nn.Module) -> nn.ModuleList:
    """Return the stages of any module that keeps the contract of :class:`Trunk`.

    Raises:
        ValueError: If ``trunk.stages`` is not a non-empty ``nn.ModuleList``.

    Example:
        >>> len(trunk_stages(Trunk([nn.Identity()])))
        1
    """
    stages = getattr(trunk, "stages", None)
    if not isinstance(stages, nn.ModuleList) or len(stages) == 0:
        raise ValueError(f"Expected a trunk with `stages`, a non-empty nn.ModuleList, got {type(trunk).__name__}")
    return stages

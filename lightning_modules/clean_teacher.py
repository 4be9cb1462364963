"""A frozen network's embeddings of clean images, each computed once."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class CleanTeacher:
    """Returns what a network, as it is now, makes of clean images: one direction for an image and its mirror image.

    The target of an image is the normalised sum of its L2-normalised embedding and its mirror image's. So it is the
    same for an image that augmentation flips, and is computed once for each image: D numbers an image are kept in
    memory, not in checkpoints. The copy of the network is in evaluation mode, is not trained, and is no part of any
    module.

    Args:
        network: Maps normalised images ``(B, C, H, W)`` to embeddings ``(B, D)``; it is copied.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = deepcopy(network).eval().requires_grad_(requires_grad=False)
        self._targets: dict[int, Tensor] = {}

    def __len__(self) -> int:
        """Return of how many images the targets are known."""
        return len(self._targets)

    def targets(self, images: Tensor, index: Tensor, pixels: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the targets ``(B, D)`` of raw clean images, unit vectors on the images' device.

        Args:
            images: ``(B, 3, H, W)`` uint8, without occluder and augmentation.
            index: ``(B,)``: which images they are; what is known by its index is not computed again.
            pixels: Normalises raw images.
        """
        indices = index.tolist()
        new = [place for place, one in enumerate(indices) if one not in self._targets]
        if new:
            found = self._embed(pixels(images[new]))
            self._targets |= {indices[place]: target for place, target in zip(new, found.cpu(), strict=True)}
        return torch.stack([self._targets[one] for one in indices]).to(images.device)  # (B, D)

    @torch.no_grad()
    def _embed(self, images: Tensor) -> Tensor:
        """Return the targets of normalised images ``(B, C, H, W)``."""
        network = self.network.to(images.device)
        both = (network(view).float() for view in (images, images.flip(-1)))
        return normalize(sum((normalize(one) for one in both), start=torch.zeros(1, device=images.device)))

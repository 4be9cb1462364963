"""Faces that wear the occluders of others, or one filling where either is covered."""

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from callbacks.recognition.matching import Matching

GREY = 127.5
"""Of pixels, where both faces are filled with one colour."""


class Dressed(NamedTuple):
    """Faces that each wear what the other of a pair does."""

    first: Tensor
    """``(N, C, H, W)``."""
    second: Tensor
    """``(N, C, H, W)``."""


def covered_shares(masks: Tensor) -> Tensor:
    """Return the share of the image that each of ``(N, H, W)`` masks covers, ``(N,)`` float32."""
    return masks.float().mean((1, 2))


def prepared_masks(masks: Tensor, matching: Matching) -> Tensor:
    """Return ``(N, H, W)`` float32 masks, grown and softened."""
    ready = masks.float()[:, None]  # (N, 1, H, W)
    if matching.grow:
        ready = F.max_pool2d(ready, 2 * matching.grow + 1, stride=1, padding=matching.grow)
    if matching.soften:
        side = 2 * int(3 * matching.soften + 0.5) + 1
        ready = gaussian_blur(F.pad(ready, [side // 2] * 4, mode="replicate"), [side, side], [matching.soften] * 2)
        ready = ready[..., side // 2 : -(side // 2), side // 2 : -(side // 2)]
    return ready[:, 0]


def dressed(
    first: Tensor, second: Tensor, first_masks: Tensor, second_masks: Tensor, matching: Matching, *, seed: int = 0
) -> Dressed:
    """Return pairs of faces as they are compared once more: covered alike.

    Args:
        first: ``(N, C, H, W)``.
        second: ``(N, C, H, W)``.
        first_masks: ``(N, H, W)``, from 0 to 1, of :func:`prepared_masks`; all 0 where nothing is worn.
        second_masks: ``(N, H, W)``.
        matching: How.
        seed: Of the noise and of random places.

    Example:
        >>> x, y = torch.full((1, 1, 1, 2), 10.0), torch.full((1, 1, 1, 2), 20.0)
        >>> worn = dressed(x, y, torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]]), Matching())
        >>> worn.first.flatten().tolist(), worn.second.flatten().tolist()
        ([10.0, 20.0], [10.0, 20.0])
    """
    return Dressed(
        wearing(first, second, first_masks, second_masks, matching, seed=seed),
        wearing(second, first, second_masks, first_masks, matching, seed=seed),
    )


def wearing(
    faces: Tensor, others: Tensor, masks: Tensor, other_masks: Tensor, matching: Matching, *, seed: int = 0
) -> Tensor:
    """Return faces ``(N, C, H, W)`` as :func:`dressed` shows them beside others, whose masks are the second ones."""
    if matching.fill != "partner":
        filling = torch.full_like(faces, GREY) if matching.fill == "grey" else noise(faces, seed)
        return painted(faces, filling, torch.maximum(masks, other_masks))
    if matching.place == "random":
        return painted(faces, *displaced(others, other_masks, seed=seed))
    return painted(faces, others, other_masks)


def painted(faces: Tensor, others: Tensor, masks: Tensor) -> Tensor:
    """Return faces ``(N, C, H, W)`` with the pixels of others where masks ``(N, H, W)`` are 1, in their own type."""
    share = masks[:, None]
    mixed = share * others + (1 - share) * faces
    return (mixed if faces.is_floating_point() else mixed.round()).to(faces.dtype)


def noise(like: Tensor, seed: int) -> Tensor:
    """Return uniform noise from 0 to 255 of the shape and type of images, the same for all of them."""
    drawn = torch.randint(256, like.shape[1:], generator=torch.Generator().manual_seed(seed))
    return drawn.to(like).expand_as(like)


def displaced(others: Tensor, masks: Tensor, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return faces ``(N, C, H, W)`` and masks ``(N, H, W)``, moved so that what is covered lies elsewhere, whole."""
    generator = torch.Generator().manual_seed(seed)
    moved = [_moved(other, mask, generator) for other, mask in zip(others, masks, strict=True)]
    return torch.stack([one for one, _ in moved]), torch.stack([one for _, one in moved])


def _moved(other: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    shifts = []
    for axis in (0, 1):
        where = torch.nonzero(mask.amax(1 - axis) > 0)[:, 0]
        first, last = (int(where[0]), int(where[-1])) if len(where) else (0, mask.shape[axis] - 1)
        free = mask.shape[axis] - (last - first)  # places where it fits, at least one
        shifts.append(int(torch.randint(free, (), generator=generator)) - first)
    return other.roll(shifts, (1, 2)), mask.roll(shifts, (0, 1))

"""Occlusion maps: how often a network errs when an occluder is centred at each pixel."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.distributed as dist
from rich.progress import track
from torch import Tensor, nn

from callbacks.occlusion_sensitivity.centres import centres, interpolate
from callbacks.occlusion_sensitivity.engine import Evaluator, Method, Positions, check_method, make_evaluator
from callbacks.occlusion_sensitivity.plan import Pair
from lightning_modules.networks import is_best
from lightning_modules.networks.dry_run import evaluating

Fill = float | Sequence[float] | Tensor
MEMORY = 2**30
"""Default bytes for what is kept of the images at work."""


class NotFiniteError(ValueError):
    """No map can be made of logits or embeddings that are not finite.

    Args:
        image: Index of the first image whose they are.
        what: What is not finite.
    """

    def __init__(self, image: int, what: str = "logits") -> None:
        super().__init__(f"Expected finite {what}, got NaN or infinity for image {image}: no occlusion map can be made")
        self.image = image


class OcclusionMaps(NamedTuple):
    """Binary occlusion maps of :math:`M` images at :math:`h × w` centres."""

    errors: Tensor
    """``(M, h, w)`` bool: whether the prediction is wrong with the occluder there (Eq. 3)."""
    scores: Tensor
    """``(M, h, w)``: the logit of the correct class; ``(M, h, w, n)``, all logits, if asked for."""
    indices: Tensor
    """``(M,)``: which of the images these are; those misclassified without an occluder are left out."""
    rows: Tensor
    """``(h,)``: rows of the centres."""
    columns: Tensor
    """``(w,)``: columns of the centres."""


@torch.no_grad()
def occlusion_maps(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    occluder_size: Pair,
    fill: Fill = 0.0,
    stride: int = 1,
    batch_size: int | None = None,
    method: Method = "incremental",
    memory: int = MEMORY,
    all_scores: bool = False,
    progress: bool = False,
) -> OcclusionMaps:
    r"""Compute the binary occlusion map of every image that the network classifies correctly.

    .. math::
        O^I_{i,j} = [\hat y_{i,j} \ne y]

    where :math:`\hat y_{i,j}` is predicted with an occluder of :math:`h × w` pixels on rows
    :math:`i - \lfloor h/2 \rfloor` to :math:`i - \lfloor h/2 \rfloor + h - 1`, columns alike, cut at the border. A
    class is predicted if its logit is the highest of all: a tie is no prediction, and wrong.

    ``"incremental"`` recomputes, layer by layer, the window that the occluder can have changed; ``"dense"`` the whole
    picture. Both give the same logits up to rounding. The idea of the former is Krypton's (Nakandala, Kumar and
    Papakonstantinou, 2019, https://doi.org/10.1145/3299869.3319874).

    Source: Sáez Trigueros, Meng and Hartnett (2018), section 3.1, https://arxiv.org/abs/1707.07923.

    Args:
        network: Maps images to logits ``(B, n)``; put into evaluation mode meanwhile.
        images: ``(N, C, H, W)``, as the network takes them, on its device and in its precision.
        labels: ``(N,)``: correct classes.
        occluder_size: Height and width in pixels.
        fill: The occluder's value, one for all channels or one for each, in the units of ``images``.
        stride: Distance of neighbouring centres in pixels; the last row and column are always among them.
        batch_size: Occluded images evaluated at once; by default 64, small windows up to 256; on a GPU
            4,096, computed densely 1,024.
        method: ``"incremental"`` or ``"dense"``.
        memory: Bytes for what is kept of the images at work, whatever their number.
        all_scores: Return all logits, not only those of the correct class.
        progress: Show a progress bar.

    Returns:
        Maps on the device of ``images``, in the order of ``images``.

    Raises:
        ValueError: If a setting is out of range, shapes do not fit, or every image is misclassified.
        NotFiniteError: If logits are not finite, with or without the occluder.

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2, bias=False))
        >>> _ = network[1].weight.data.copy_(torch.tensor([[1.0, 0, 0, 0] * 4, [0.0] * 16]))  # the first column
        >>> image, label = torch.ones(1, 1, 4, 4), torch.tensor([0])
        >>> # in the first row two pixels of the column are covered and two are not: the logits tie
        >>> occlusion_maps(network, image, label, occluder_size=(4, 2), fill=-1.0, method="dense").errors[0].int()
        tensor([[1, 1, 0, 0],
                [1, 1, 0, 0],
                [1, 1, 0, 0],
                [1, 1, 0, 0]], dtype=torch.int32)
    """
    check_inputs(images, labels, occluder_size, stride=stride, method=method)
    at = [centres(length, stride).to(images.device) for length in images.shape[2:]]
    shape = (len(at[0]), len(at[1]))
    with evaluating(network):
        indices = correctly_classified(network, images, labels, batch_size)
        evaluator = evaluator_for(
            network, images, occluder_size, fill, batch_size, method, memory, positions=shape[0] * shape[1]
        )
        errors = torch.empty(len(indices), *shape, dtype=torch.bool, device=images.device)
        scores = images.new_empty(0)
        broken = torch.zeros_like(indices)
        for where, logits in evaluated(evaluator, images[indices], at, progress, broken):
            if not len(scores):
                scores = logits.new_empty(*errors.shape, *([logits.shape[1]] if all_scores else []))
            correct = labels[indices][where[0]]
            errors[where] = ~is_best(logits, correct)
            scores[where] = logits if all_scores else logits.gather(1, correct[:, None])[:, 0]
    check_broken(broken, indices)
    return OcclusionMaps(errors, scores, indices, at[0], at[1])


@torch.no_grad()
def occlusion_error_map(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    occluder_size: Pair,
    fill: Fill = 0.0,
    stride: int = 1,
    batch_size: int | None = None,
    method: Method = "incremental",
    memory: int = MEMORY,
    progress: bool = False,
) -> Tensor:
    r"""Compute the generic occlusion map, the mean of the binary maps of the images classified correctly.

    :math:`O_{i,j}` is the network's error rate with the occluder centred at (i, j). With several processes each takes
    a share of the images, and all return the same map.

    Source: Sáez Trigueros, Meng and Hartnett (2018), section 3.1, https://arxiv.org/abs/1707.07923.

    Args:
        network: Maps images to logits ``(B, n)``; put into evaluation mode meanwhile.
        images: ``(N, C, H, W)``, as the network takes them, on its device and in its precision; the same in all
            processes.
        labels: ``(N,)``: correct classes.
        occluder_size: Height and width in pixels.
        fill: The occluder's value, one for all channels or one for each, in the units of ``images``.
        stride: Distance of neighbouring centres in pixels; between them the map is interpolated bilinearly.
        batch_size: Occluded images evaluated at once; by default 64, small windows up to 256; on a GPU
            4,096, computed densely 1,024.
        method: ``"incremental"`` or ``"dense"``.
        memory: Bytes for what is kept of the images at work, whatever their number.
        progress: Show a progress bar, in the first process.

    Returns:
        ``(H, W)`` float32 in [0, 1], on the device of ``images``.

    Raises:
        ValueError: If a setting is out of range, shapes do not fit, or every image is misclassified.
        NotFiniteError: If logits are not finite in any process; all processes raise.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 2)).eval()
        >>> images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        >>> labels = network(images).argmax(1)
        >>> occlusion_error_map(network, images, labels, occluder_size=(2, 2), fill=0.0).shape
        torch.Size([8, 8])
    """
    check_inputs(images, labels, occluder_size, stride=stride, method=method)
    at = [centres(length, stride).to(images.device) for length in images.shape[2:]]
    shape = (len(at[0]), len(at[1]))
    rank, world_size = (dist.get_rank(), dist.get_world_size()) if distributed() else (0, 1)
    with evaluating(network):
        indices = correctly_classified(network, images, labels, batch_size)
        wrong = torch.zeros(shape[0] * shape[1], dtype=torch.int64, device=images.device)
        ours = indices[rank::world_size]
        broken, ours_broken = torch.zeros_like(indices), torch.zeros_like(ours)
        if len(ours):
            evaluator = evaluator_for(
                network, images, occluder_size, fill, batch_size, method, memory, positions=shape[0] * shape[1]
            )
            for where, logits in evaluated(evaluator, images[ours], at, progress and rank == 0, ours_broken):
                errors = ~is_best(logits, labels[ours][where[0]])
                wrong.index_add_(0, where[1] * shape[1] + where[2], errors.long())
    broken[rank::world_size] = ours_broken
    if distributed():
        dist.all_reduce(wrong)  # whole numbers: the sum does not depend on the number of processes
        dist.all_reduce(broken)
    check_broken(broken, indices)
    return interpolate((wrong.view(shape) / len(indices)).float(), at[0], at[1], (images.shape[2], images.shape[3]))


def correctly_classified(network: nn.Module, images: Tensor, labels: Tensor, batch_size: int | None = None) -> Tensor:
    """Return the indices of images that a network classifies correctly, ``(M,)``; a tie is not correct.

    Raises:
        ValueError: If there is none, logits are not ``(B, n)``, or a label is none of the classes.
        NotFiniteError: If logits are not finite.
    """
    logits = torch.cat([network(part.clone()) for part in torch.split(images, batch_size or 64)])
    if logits.ndim != 2 or logits.shape[0] != len(images):
        raise ValueError(f"Expected a network with logits (B, n), got {tuple(logits.shape)} of {len(images)} images")
    check_broken(not_finite(logits), torch.arange(len(images)))
    if int(labels.min()) < 0 or int(labels.max()) >= logits.shape[1]:
        raise ValueError(
            f"Expected `labels` from 0 to {logits.shape[1] - 1}, got {int(labels.min())} to {int(labels.max())}"
        )
    indices = torch.nonzero(is_best(logits, labels))[:, 0]
    if not len(indices):
        raise ValueError(
            f"Expected images that are classified correctly without an occluder, got none among {len(images)}: "
            "no occlusion map can be made"
        )
    return indices


def evaluator_for(
    network: nn.Module,
    images: Tensor,
    occluder_size: Pair,
    fill: Fill,
    batch_size: int | None,
    method: Method,
    memory: int,
    *,
    positions: float,
) -> Evaluator:
    """Return what evaluates occluded ``images``, see :func:`occlusion_maps` for the settings."""
    values = torch.as_tensor(fill, dtype=images.dtype, device=images.device).flatten()
    if len(values) not in (1, images.shape[1]):
        raise ValueError(f"Expected `fill` of 1 or {images.shape[1]} values, got {len(values)}")
    return make_evaluator(
        network,
        images[:1],
        occluder_size=occluder_size,
        fill=values.expand(images.shape[1]).contiguous(),
        method=method,
        batch_size=batch_size,
        positions_per_image=positions,
        memory=memory,
    )


def check_inputs(
    images: Tensor, labels: Tensor, occluder_size: Pair, *, stride: int = 1, method: Method = "incremental"
) -> None:
    """Refuse what no map can be made of.

    Raises:
        ValueError: If shapes do not fit, the occluder is larger than the images, ``stride`` is below 1, or there is no
            such ``method``.
    """
    check_images(images, occluder_size, stride=stride, method=method)
    if labels.shape != images.shape[:1]:
        raise ValueError(f"Expected `labels` of shape ({len(images)},), got {tuple(labels.shape)}")


def check_images(images: Tensor, occluder_size: Pair, *, stride: int = 1, method: Method = "incremental") -> None:
    """Refuse what no face can be occluded with.

    Raises:
        ValueError: As :func:`check_inputs` raises it.
    """
    check_method(method)
    if images.ndim != 4 or not len(images):
        raise ValueError(f"Expected `images` of shape (N, C, H, W), at least one, got {tuple(images.shape)}")
    height, width = images.shape[2:]
    if not (1 <= occluder_size[0] <= height and 1 <= occluder_size[1] <= width):
        raise ValueError(
            f"Expected `occluder_size` from 1 × 1 to the images' {height} × {width}, got "
            f"{occluder_size[0]} × {occluder_size[1]}"
        )
    if stride < 1:
        raise ValueError(f"Expected `stride` of at least 1, got {stride}")


def evaluated(
    evaluator: Evaluator, images: Tensor, at: Sequence[Tensor], progress: bool, broken: Tensor
) -> Iterator[tuple[tuple[Tensor, Tensor, Tensor], Tensor]]:
    """Yield (image, row, column) as indices, ``(B,)`` each, and logits ``(B, n)``; count those not finite by image."""
    starts = range(0, len(images), evaluator.block)
    for start in track(starts, "Occlusion maps", transient=True, disable=not progress):
        block = images[start : start + evaluator.block]
        axes = (torch.arange(len(block), device=images.device), *(torch.arange(len(a), device=a.device) for a in at))
        image, row, column = (grid.flatten() for grid in torch.meshgrid(*axes, indexing="ij"))
        for index, logits in evaluator(block, Positions(image, at[0][row], at[1][column])):
            broken.index_add_(0, image[index] + start, not_finite(logits))
            yield (image[index] + start, row[index], column[index]), logits


def not_finite(logits: Tensor) -> Tensor:
    """Return 1 for rows of ``(B, n)`` that are not finite, else 0, ``(B,)`` int64."""
    return (~logits.isfinite().all(1)).long()


def check_broken(broken: Tensor, indices: Tensor, what: str = "logits") -> None:
    """Refuse any number above 0 of ``(M,)`` numbers of broken results, naming the image by its index in ``(M,)``.

    Raises:
        NotFiniteError: If there is one.
    """
    where = torch.nonzero(broken)[:, 0]
    if len(where):
        raise NotFiniteError(int(indices[int(where[0])]), what)


def distributed() -> bool:
    """Whether several processes compute together."""
    return dist.is_available() and dist.is_initialized()

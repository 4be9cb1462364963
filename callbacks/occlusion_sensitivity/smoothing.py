"""Local quadratic regression of proportions on a grid, with its bandwidth and its error from the data."""

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.occlusion_sensitivity.plan import Pair

BANDWIDTHS = (0.06, 0.09, 0.13, 0.19, 0.28, 0.4)
"""Standard deviations of the kernel that are tried, in sides of the occluder."""
FEWEST_IN_KERNEL = 24.0
"""Expected observations under a kernel: narrower ones are not tried."""
NARROWER = 0.7
"""Bandwidth of the whole sample as a share of the one at which half of it predicts the other half best."""
ROUGHNESS = 0.5
"""Share of an image's variation that no neighbour tells of, see :func:`smooth_proportions`; at most 1."""
_MONOMIALS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))  # powers of row and column
_RIDGE = 1e-10
Bandwidth = tuple[float, float]


class Smoothed(NamedTuple):
    """An estimate on a grid."""

    value: Tensor
    """``(H, W)`` float64 in [0, 1]."""
    standard_error: Tensor
    """``(H, W)`` float64."""
    bandwidth: Bandwidth
    """Of the kernel along rows and columns, in pixels."""


class LocalQuadratic:
    r"""Weighted least-squares fit of a quadratic around every place of a grid, read at that place.

    .. math::
        \hat p(x) = \hat\beta_0, \quad
        \hat\beta = \arg\min_\beta \sum_z K\Bigl(\frac{z - x}{b}\Bigr) \sum_{k=1}^{n_z} \bigl(y_{zk} - q_\beta(z -
        x)\bigr)^2

    with a Gaussian K. It is linear in the sums :math:`\sum_k y_{zk}`, and reproduces a quadratic surface exactly, at
    the borders too and whatever the counts are.

    Source: Fan and Gijbels, Local Polynomial Modelling and Its Applications (1996), chapter 3.

    Args:
        counts: Observations at each place, :math:`n_z`, ``(H, W)``.
        bandwidth: Standard deviation b of the kernel along rows and columns, in pixels, above 0.

    Example:
        >>> surface = torch.arange(8.0)[:, None] ** 2 + torch.arange(6.0)
        >>> counts = torch.randint(1, 5, (8, 6), generator=torch.Generator().manual_seed(0))
        >>> bool((LocalQuadratic(counts, (1.0, 2.0))(counts * surface) - surface).abs().max() < 1e-6)
        True
    """

    def __init__(self, counts: Tensor, bandwidth: Bandwidth) -> None:
        counts = counts.double()
        lengths = (counts.shape[-2], counts.shape[-1])
        self._kernels = [_kernels(n, b, counts.device) for n, b in zip(lengths, bandwidth, strict=True)]  # (5, n, n)
        powers = sorted({(a + c, b + d) for (a, b), (c, d) in product(_MONOMIALS, _MONOMIALS)})
        moments = {p: self._moment(counts, *p) for p in powers}
        gram = torch.stack(
            [torch.stack([moments[a + c, b + d] for c, d in _MONOMIALS], -1) for a, b in _MONOMIALS], -2
        )  # (H, W, 6, 6)
        scale = gram[..., 0, 0].clamp(min=gram[..., 0, 0].max() * 1e-12 + 1e-300)
        ridge = torch.eye(len(_MONOMIALS), dtype=gram.dtype, device=gram.device) * _RIDGE
        first = torch.zeros(len(_MONOMIALS), dtype=gram.dtype, device=gram.device)
        first[0] = 1.0
        solution = torch.linalg.solve(gram / scale[..., None, None] + ridge, first.expand(*lengths, -1))
        self._weights = solution / scale[..., None]  # (H, W, 6)

    def __call__(self, sums: Tensor) -> Tensor:
        """Return the fit ``(…, H, W)`` to sums of observations ``(…, H, W)``, float64."""
        sums = sums.double()
        parts = (w * self._moment(sums, a, b) for w, (a, b) in zip(self._weights.unbind(-1), _MONOMIALS, strict=True))
        return torch.stack(list(parts)).sum(0)

    def squared_weights(self, values: Tensor) -> Tensor:
        """Return the sum of ``values`` ``(H, W)`` weighted by the squares of the weights of single observations."""
        rows, columns = self._kernels
        total = torch.zeros_like(self._weights[..., 0])
        pairs = [(w, p) for w, p in zip(self._weights.unbind(-1), _MONOMIALS, strict=True)]
        for (v, (a, b)), (w, (c, d)) in product(pairs, pairs):
            total += v * w * ((rows[a] * rows[c]) @ values.double() @ (columns[b] * columns[d]).T)
        return total

    def _moment(self, values: Tensor, row_power: int, column_power: int) -> Tensor:
        return self._kernels[0][row_power] @ values @ self._kernels[1][column_power].T


def smooth_proportions(counts: Tensor, errors: Tensor, *, images: int, occluder_size: Pair, share: float) -> Smoothed:
    r"""Estimate the mean over images of their binary maps from a share s of all pairs of image and place.

    The squared standard error adds up what may be wrong with :math:`\hat p(x) = \sum_z w_z y_z`, the fit:

    - its variance: :math:`(1 - s) \sum_g (u_{g1} - u_{g2})^2`, smoothed, where :math:`u_{gh}` is what half h of the
      places of the g-th group of images adds to the fit of the residuals; at least the variance
      :math:`(1 - s) \sum_z n_z w_z^2 \, p (1 - p)` of independent draws, with p kept two errors away from 0 and 1;
    - its bias: the squared difference from the fit of half the bandwidth, less that difference's variance, smoothed;
    - the roughness below any bandwidth that the mean of M images has, because each of them has edges of its own:
      :math:`(1 - s) \, p (1 - p) / M` if their maps had nothing but edges; half of it is taken, which is measured.

    Args:
        counts: Observations, ``(2, G, H, W)``, by half, group of images, and place.
        errors: Errors among them, ``(2, G, H, W)``, by half, group of images, and place.
        images: M, number of images.
        occluder_size: Height and width in pixels; bandwidths are tried in shares of them.
        share: s, in (0, 1].
    """
    bandwidth = choose_bandwidth(counts, errors, occluder_size)
    number, wrong = counts.sum((0, 1)), errors.sum((0, 1))
    fit, finer = (LocalQuadratic(number, (bandwidth[0] / k, bandwidth[1] / k)) for k in (1, 2))
    raw = fit(wrong)
    value = raw.clamp(0, 1)
    residuals = (errors - counts * value).diff(dim=0)[0]  # (G, H, W)
    noise = fit(residuals)
    unit = fit.squared_weights(number)  # (H, W)
    rare = (2 * unit).clamp(max=0.5)
    likely = value.maximum(rare).minimum(1 - rare)
    spread = likely * (1 - likely)
    variance = _blur(noise.square().sum(0), bandwidth).maximum(unit * spread)
    squared_bias = (raw - finer(wrong)).square() - (1 - share) * (noise - finer(residuals)).square().sum(0)
    wide = _blur(squared_bias, (2 * bandwidth[0], 2 * bandwidth[1]))
    bias = _blur(squared_bias, bandwidth).maximum(wide).clamp(min=0)
    total = (1 - share) * (variance + ROUGHNESS * spread / images) + bias
    return Smoothed(value, total.sqrt(), bandwidth)


def choose_bandwidth(counts: Tensor, errors: Tensor, occluder_size: Pair) -> Bandwidth:
    """Return the bandwidth for all observations, from how well one half of each image's predicts the other half.

    Both halves see the same images, as the estimate and the exact map do. The best prediction needs a wider kernel
    than the estimate: half a sample is noisier, and as places of one image keep their distance, none of the other
    half is where this one has its own. Hence the factor :data:`NARROWER`.

    Args:
        counts: ``(2, G, H, W)``.
        errors: ``(2, G, H, W)``.
        occluder_size: Height and width in pixels.
    """
    numbers, sums = counts.sum(1).double(), errors.sum(1).double()  # (2, H, W)
    density = float(numbers.sum()) / 2 / numbers[0].numel()
    least = (FEWEST_IN_KERNEL / (2 * torch.pi * max(density, 1e-9))) ** 0.5
    tried = [sorted({max(b * side, least, 0.5) for b in BANDWIDTHS}) for side in occluder_size]
    losses = {}
    for bandwidth in product(*tried):
        loss = 0.0
        for half in (0, 1):
            predicted = LocalQuadratic(numbers[half], bandwidth)(sums[half]).clamp(0, 1)
            loss += float((numbers[1 - half] * predicted.square() - 2 * sums[1 - half] * predicted).sum())
        losses[bandwidth] = loss
    best = min(losses, key=losses.__getitem__)
    return NARROWER * best[0], NARROWER * best[1]


def _kernels(length: int, bandwidth: float, device: torch.device) -> Tensor:
    """Return the kernel times the powers 0 to 4 of the distance in bandwidths, ``(5, length, length)``."""
    at = torch.arange(length, dtype=torch.float64, device=device)
    distance = (at - at[:, None]) / bandwidth
    return torch.stack([distance**p for p in range(5)]) * torch.exp(-(distance**2) / 2)


def _blur(values: Tensor, bandwidth: Bandwidth) -> Tensor:
    """Return local means of ``(H, W)``."""
    rows, columns = (_kernels(n, b, values.device)[0] for n, b in zip(values.shape, bandwidth, strict=True))
    return (rows / rows.sum(1, keepdim=True)) @ values @ (columns / columns.sum(1, keepdim=True)).T

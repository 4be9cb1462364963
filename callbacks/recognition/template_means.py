"""Templates' embeddings, of those of their images."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics.directions import directions
from datamodules.seams.templates import Templates

BLOCK = 1 << 14
"""Images taken at once: memory is that of the templates."""


def template_means(embeddings: Tensor, templates: Templates) -> Tensor:
    r"""Return the embedding of every template, ``(T, D)`` float32, of length 1 or of zeros.

    .. math::
        \sum_{m} \frac{1}{|m|} \sum_{i \in m} q_i \frac{v_i}{\lVert v_i \rVert}

    over the template's media m and their images i, L2-normalised; :math:`q_i = 1` for the mean. Sums are taken in
    float64, so that the order of images and media changes nothing beyond rounding.

    Source: the IJB-B and IJB-C protocols, as the field evaluates by them (Whitelam et al. 2017, Maze et al. 2018).

    Args:
        embeddings: Of the source's images, ``(N, D)``, of whatever length.
        templates: Which images are joined.

    Example:
        >>> rows = np.array([0, 1, 2]), np.zeros(3, np.int64), np.array([0, 0, 1])
        >>> joined = Templates(*rows, identities=np.array([0]), names=["a"])
        >>> template_means(torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 9.0]]), joined)  # the first two are one medium
        tensor([[0.7071, 0.7071]])
    """
    sums = torch.zeros(len(templates), embeddings.shape[1], dtype=torch.double)
    image, template, share = (
        torch.split(torch.from_numpy(rows), BLOCK) for rows in (templates.image, templates.template, _shares(templates))
    )
    weighted_by_length = templates.weighting == "quality" and templates.quality is None
    for images, owners, shares in zip(image, template, share, strict=True):
        rows = embeddings[images]
        length = torch.linalg.vector_norm(rows.double(), dim=1) if weighted_by_length else torch.ones(len(rows))
        sums.index_add_(0, owners, directions(rows).double() * (shares * length)[:, None])
    return directions(sums)


def _shares(templates: Templates) -> NDArray[Any]:
    """Return what each image counts for: its listed quality, of as many as its medium has, ``(R,)``."""
    pairs = np.stack([templates.template, templates.medium])
    _, medium, images = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    if templates.weighting == "mean" or templates.quality is None:
        return 1 / images[medium.reshape(-1)]
    return templates.quality / images[medium.reshape(-1)]

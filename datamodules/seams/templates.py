"""Templates: what is compared where several images show one face together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Weighting = Literal["mean", "quality"]


@dataclass(frozen=True, eq=False)
class Templates:
    """Which images are joined to which template, a row for each image of a template.

    The images of one medium, such as the frames of a video, count as one: they are averaged first, as in the IJB
    protocols.

    Attributes:
        image: Indices of a protocol's source, ``(R,)``.
        template: The template that it belongs to, ``(R,)``, from 0 to T - 1, each with an image.
        medium: Its medium, ``(R,)``; a number tells media of one template apart.
        identities: Whom each template shows, ``(T,)``.
        names: What each template is called, T of them.
        weighting: ``mean`` of the images' embeddings of length 1, or weighted by their ``quality``.
        quality: Of each row, ``(R,)``, not negative; ``None`` is the length of the embedding.

    Raises:
        ValueError: If shapes do not match, a template has no image, or a quality is negative or not finite.

    Example:
        >>> rows = np.array([0, 1, 2]), np.array([0, 0, 1]), np.array([7, 8, 7])
        >>> templates = Templates(*rows, identities=np.array([4, 5]), names=("a", "b"))
        >>> len(templates), templates.shown.tolist()
        (2, [0, 2])
    """

    image: NDArray[np.int64]
    template: NDArray[np.int64]
    medium: NDArray[np.int64]
    identities: NDArray[np.int64]
    names: Sequence[str]
    weighting: Weighting = "mean"
    quality: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        rows = (np.size(self.image),)
        for name in ("template", "medium", *(["quality"] if self.quality is not None else [])):
            if (shape := np.shape(getattr(self, name))) != rows:
                raise ValueError(f"Expected `{name}` of shape {rows}, got {shape}")
        if len(self.names) != len(self.identities):
            raise ValueError(f"Expected {len(self.identities)} `names`, got {len(self.names)}")
        if not np.array_equal(np.unique(self.template), np.arange(len(self))):
            raise ValueError(f"Expected an image of each of {len(self)} templates, got {len(np.unique(self.template))}")
        if self.quality is not None and not (np.isfinite(self.quality) & (self.quality >= 0)).all():
            raise ValueError("Expected finite `quality` of at least 0, got another")

    def __len__(self) -> int:
        return len(self.identities)

    @property
    def shown(self) -> NDArray[np.int64]:
        """The first image of each template, ``(T,)``, to be shown for it."""
        first = np.unique(self.template, return_index=True)[1]
        return self.image[first]

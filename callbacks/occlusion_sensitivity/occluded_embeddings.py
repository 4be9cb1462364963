"""Embeddings of faces with an occluder centred at each pixel: what maps of verification are made of."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import NamedTuple, Required, TypedDict, Unpack

import torch
from torch import Tensor, nn

from callbacks.metrics.directions import directions
from callbacks.occlusion_sensitivity.centres import centres
from callbacks.occlusion_sensitivity.engine import Incremental, Method
from callbacks.occlusion_sensitivity.few_images import for_few_images
from callbacks.occlusion_sensitivity.maps import (
    MEMORY,
    Fill,
    NotFiniteError,
    check_broken,
    check_images,
    evaluated,
    evaluator_for,
    not_finite,
)
from callbacks.occlusion_sensitivity.plan import Pair
from lightning_modules.networks.dry_run import evaluating

WHAT = "embeddings"
AT_ONCE = 64
"""Whole images that are embedded at once."""


class NoDirectionError(ValueError):
    """No map can be made of an embedding of zeros, which is as far from every face.

    Args:
        image: Index of the first image whose it is.
    """

    def __init__(self, image: int) -> None:
        super().__init__(f"Expected embeddings other than 0, got zeros for image {image}: no occlusion map can be made")
        self.image = image


class OcclusionSettings(TypedDict, total=False):
    """How faces are occluded and embedded."""

    occluder_size: Required[Pair]
    """Height and width in pixels."""
    fill: Fill
    """The occluder's value, one for all channels or one for each, in the units of the images; by default 0."""
    stride: int
    """Distance of neighbouring centres in pixels; the last row and column are always among them; by default 1."""
    batch_size: int | None
    """Occluded images embedded at once; by default 64; on a GPU 4,096, computed densely 1,024."""
    method: Method
    """``"incremental"``, the default, or ``"dense"``; see :func:`~callbacks.occlusion_sensitivity.occlusion_maps`."""
    memory: int
    """Bytes for what is kept of the images at work, whatever their number; by default 1 GiB."""
    few_images: int
    """How many will be embedded in all, where they are so few that preparing for them is worth a thought."""


class OccludedEmbeddings(NamedTuple):
    """Directions of embeddings, without and with the occluder; their products are cosine similarities."""

    clean: Tensor
    """``(N, D)`` float32, of length 1."""
    occluded: Tensor
    """``(N, h, w, D)`` float32, by centre; an embedding of zeros stays one, and its similarity to every face is 0."""

    def at(self, images: Tensor) -> "OccludedEmbeddings":
        """Return those of some images, by their indices ``(M,)``."""
        return OccludedEmbeddings(self.clean[images], self.occluded[images])


class OccludedEmbedder:
    """Embeds images with an occluder at every centre; the network is traced once, whatever is embedded then.

    Args:
        network: Maps images to embeddings ``(B, D)``; put into evaluation mode meanwhile.
        example: Images ``(N, C, H, W)`` of the kind that will come, at least one.
        settings: See :class:`OcclusionSettings`.

    Attributes:
        rows: Of the centres, ``(h,)``.
        columns: Of the centres, ``(w,)``.

    Raises:
        ValueError: If a setting is out of range, or the occluder larger than the images.

    Example:
        >>> network = nn.Flatten()  # a picture of four pixels is its own embedding
        >>> image = torch.tensor([[[[3.0, 0.0], [0.0, 4.0]]]])
        >>> embed = OccludedEmbedder(network, image, occluder_size=(1, 1), fill=0.0, method="dense")
        >>> clean, occluded = embed(image)
        >>> (occluded @ clean[0])[0]  # the more of the picture's length a pixel has, the more falls with it
        tensor([[0.8000, 1.0000],
                [1.0000, 0.6000]])
    """

    def __init__(self, network: nn.Module, example: Tensor, **settings: Unpack[OcclusionSettings]) -> None:
        size, stride = settings["occluder_size"], settings.get("stride", 1)
        method = settings.get("method", "incremental")
        check_images(example, size, stride=stride, method=method)
        self.network = network
        self.shape = example.shape[1:]
        self.rows, self.columns = (centres(length, stride).to(example.device) for length in example.shape[2:])
        with evaluating(network):
            self._evaluator = evaluator_for(
                network,
                example,
                size,
                settings.get("fill", 0.0),
                settings.get("batch_size"),
                method,
                settings.get("memory", MEMORY),
                positions=len(self.rows) * len(self.columns),
            )
        if (images := settings.get("few_images")) is not None:
            self._evaluator = for_few_images(self._evaluator, (self.rows, self.columns), images)

    @torch.no_grad()
    def clean(self, images: Tensor) -> Tensor:
        """Return the directions of images without an occluder, ``(N, D)`` float32.

        Raises:
            ValueError: If the images have another size than the example, or the network's output is no embeddings.
            NotFiniteError: If an embedding is not finite.
            NoDirectionError: If an embedding is 0.
        """
        if images.shape[1:] != self.shape:
            raise ValueError(f"Expected images of shape (N, {_said(self.shape)}), got {tuple(images.shape)}")
        with evaluating(self.network):
            parts = [self.network(part.clone()) for part in torch.split(images, AT_ONCE)]
        for part in parts:
            if not isinstance(part, Tensor) or part.ndim != 2:
                got = tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__
                raise ValueError(f"Expected a network with embeddings (B, D), got {got}")
        embeddings = torch.cat(parts)
        check_broken(not_finite(embeddings), torch.arange(len(images)), WHAT)
        zero = torch.nonzero(~embeddings.any(1))[:, 0]
        if len(zero):
            raise NoDirectionError(int(zero[0]))
        return directions(embeddings)

    def __call__(self, images: Tensor) -> OccludedEmbeddings:
        """Return the directions of ``(N, C, H, W)`` images; 4 · h · w · D bytes are kept of each.

        Raises:
            ValueError: See :meth:`clean`; with the occluder, too, embeddings must be finite.
        """
        found, steps = self.begun(images)
        for _ in steps:
            pass
        return found

    def begun(self, images: Tensor) -> tuple[OccludedEmbeddings, Iterator[float]]:
        """Return what :meth:`__call__` does, to be computed a batch at a time while others have their turn.

        Args:
            images: ``(N, C, H, W)``.

        Returns:
            Embeddings that are there when the iterator has ended, and that, which yields the share that is done. Only
            one is at work at a time.

        Raises:
            ValueError: See :meth:`__call__`; the iterator raises it, too.
        """
        clean = self.clean(images)
        occluded = clean.new_empty(len(images), len(self.rows), len(self.columns), clean.shape[1])
        return OccludedEmbeddings(clean, occluded), self._filling(images, occluded)

    @torch.no_grad()
    def _filling(self, images: Tensor, occluded: Tensor) -> Iterator[float]:
        broken = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        done, every = 0, occluded[..., 0].numel()
        with evaluating(self.network):
            for where, found in evaluated(self._evaluator, images, (self.rows, self.columns), False, broken):
                occluded[where] = directions(found)
                done += len(found)
                yield done / every
        check_broken(broken, torch.arange(len(images)), WHAT)

    def renewed(self) -> "OccludedEmbedder":
        """Return one of the same network, traced and planned as this one is, to be at work at the same time."""
        other = copy(self)
        if isinstance(self._evaluator, Incremental):
            other._evaluator = self._evaluator.renewed()
        return other

    def bytes_per_image(self, clean: Tensor) -> int:
        """Return what :meth:`__call__` keeps of an image, whose embedding is like the rows of ``(N, D)``."""
        return clean.element_size() * len(self.rows) * len(self.columns) * clean.shape[1]


def _said(shape: torch.Size) -> str:
    return ", ".join(map(str, shape))


@contextmanager
def counted_from(start: int) -> Iterator[None]:
    """Let refusals of one image name it by its index among all, of which those at work begin at ``start``."""
    try:
        yield
    except NotFiniteError as error:
        raise NotFiniteError(start + error.image, WHAT) from None
    except NoDirectionError as error:
        raise NoDirectionError(start + error.image) from None

"""Occlusion maps of verification in training or validation: for modules without a classifier, too."""

from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from callbacks.metrics.directions import directions
from callbacks.metrics.operating_threshold import operating_thresholds
from callbacks.occlusion_mapping import OcclusionMapping, naming
from callbacks.occlusion_sensitivity import verification_error_map
from callbacks.occlusion_sensitivity.verification_maps import Covered, check_covered, check_threshold
from callbacks.row_collector import Rows
from datamodules.seams.occlusion_map_file import OcclusionMap
from lightning_modules.networks.dry_run import evaluating


class VerificationMapping(OcclusionMapping):
    r"""Computes how often genuine pairs of validation images are rejected with an occluder centred at each pixel.

    It is :class:`OcclusionMapping` for whatever embeds: the same halves of the validation images, files and measures,
    ``occlusion_maps/verification-<subset>-<height>x<width>.npz`` and ``val/verification/<height>x<width>/accuracy``,
    the share of pairs that are accepted, with its ``std`` and ``minimum``. A pair is of two images of one identity that
    follow each other in the source, and counts if it is accepted without an occluder. So what has no classifier can be
    fine-tuned under patches that :class:`~datamodules.occluders.StrategicPlacement` places.

    Args:
        occluder_sizes: Heights and widths of the occluders in pixels.
        threshold: Cosine similarity that a pair must reach; ``None`` is that of ``far``.
        far: False accept rate of all pairs of two identities among the images, which gives the threshold.
        covered: Which image of a pair is covered, ``"both"`` at the same place.
        settings: Further ones of :class:`OcclusionMapping`; ``num_images`` are those that pairs are made of.

    Raises:
        ValueError: If a setting is out of range.
    """

    network = ("embedding_network", "embeds")
    prefix = "verification-"
    group = "verification"

    def __init__(
        self,
        occluder_sizes: Sequence[tuple[int, int]],
        *,
        threshold: float | None = None,
        far: float = 0.01,
        covered: Covered = "both",
        **settings: Any,
    ) -> None:
        super().__init__(occluder_sizes, **settings)
        check_covered(covered)
        if threshold is not None:
            check_threshold(threshold)
        if not 0 < far <= 1:
            raise ValueError(f"Expected `far` in (0, 1], got {far}")
        self.threshold = threshold
        self.far = far
        self.covered: Covered = covered

    def _chosen(self, pl_module: LightningModule, rows: Rows) -> Rows:
        """Return the images that pairs are made of, as the network takes them, on its device."""
        if not len(genuine_neighbours(rows.identity[: self.num_images])[0]):
            expected = f"Expected two clean validation images of one identity in the {self.subset} half"
            raise ValueError(f"{expected}, got none among {min(len(rows.index), self.num_images)}")
        rows = rows.where(torch.arange(len(rows.index)) < self.num_images)
        with torch.no_grad():
            images = self._pixels(pl_module, rows.value)
        return Rows(rows.occluder, rows.index, rows.identity, images, rows.name)

    def _map(self, pl_module: LightningModule, chosen: Rows, size: tuple[int, int]) -> OcclusionMap:
        first, second = (side.to(pl_module.device) for side in genuine_neighbours(chosen.identity))
        with naming(chosen):
            error, used = verification_error_map(
                pl_module.embedding_network(),  # type: ignore[operator]  # checked in setup
                chosen.value,
                first,
                second,
                threshold=self._threshold(pl_module, chosen),
                covered=self.covered,
                occluder_size=size,
                fill=self._grey(pl_module),
                stride=self.stride,
                batch_size=self.batch_size,
            )
        images = torch.unique(torch.cat([first[used], second[used]])).cpu()
        return self._described(pl_module, error, size, chosen.index[images])

    def _threshold(self, pl_module: LightningModule, chosen: Rows) -> float:
        """Return the score that a pair must reach."""
        if self.threshold is not None:
            return self.threshold
        network: torch.nn.Module = pl_module.embedding_network()  # type: ignore[operator]  # checked in setup
        with evaluating(network):
            parts = [directions(network(part.clone())) for part in torch.split(chosen.value, 256)]
        embeddings = torch.cat(parts).cpu()
        one, other = torch.triu_indices(len(embeddings), len(embeddings), 1)
        impostor = chosen.identity[one] != chosen.identity[other]
        scores = (embeddings @ embeddings.T)[one[impostor], other[impostor]]
        # just above the highest score may be above any that there can be
        return min(1.0, float(operating_thresholds(scores, (self.far,)).threshold))


def genuine_neighbours(identities: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and second images of pairs: of each identity one image and its next, ``(N,)`` each.

    Example:
        >>> genuine_neighbours(torch.tensor([7, 5, 7, 7, 4]))
        (tensor([0, 2]), tensor([2, 3]))
    """
    order = identities.argsort(stable=True)
    same = identities[order[1:]] == identities[order[:-1]]
    return order[:-1][same], order[1:][same]

"""Distances of genuine and impostor pairs in validation, and their picture before and after training (Fig. 4)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from callbacks.figures.style import HEADING, legend, plots, shares
from callbacks.metrics.directions import directions
from callbacks.row_collector import RowCollector, Rows
from callbacks.run_files import log_picture, run_folder, save_figure
from datamodules.seams.face_batch import FaceBatch
from losses import decidability, squared_distances

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NUM_BINS = 200
MEASURES = ("mu_ap", "mu_an", "var_ap", "var_an", "decidability")
LARGEST = 4.0  # squared distance of L2-normalised embeddings
UNRELATED = 2.0  # that of embeddings at right angles


class ScoreDistributions(Callback):
    r"""Logs how the distances of all pairs of validation faces are distributed, and draws them before and after.

    Logged are ``val/mu_ap``, ``val/mu_an``, ``val/var_ap``, ``val/var_an``: mean and variance of the squared distances
    of L2-normalised embeddings of genuine and of impostor pairs; and ``val/decidability``, which no scaling of the
    distances changes. All are NaN where no two faces are of one identity. "Before" is Lightning's check before
    training, where that sees the whole of the validation: ``trainer.num_sanity_val_steps: -1``.

    The picture is written to ``figures/score_distributions.png`` in the run's folder and, where W&B logs, to W&B.

    Source: Sáez Trigueros et al. (2018), Fig. 4 and Eq. 8, https://arxiv.org/abs/1707.07923.

    Args:
        num_faces: Most faces compared with one another; they are all faces of some of the identities.

    Raises:
        ValueError: If ``num_faces`` is below 2.
    """

    def __init__(self, num_faces: int = 2000) -> None:
        if num_faces < 2:
            raise ValueError(f"Expected `num_faces` of at least 2, got {num_faces}")
        self.num_faces = num_faces
        self._embeddings = RowCollector()
        self._before: Distribution | None = None
        self._after: Distribution | None = None
        self._folder: Path | None = None
        self._said = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Learn the run's folder: all processes must ask for it together."""
        self._folder = run_folder(trainer, "figures")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: FaceBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Collect the batch's embeddings, if the module makes any."""
        whole = not trainer.sanity_checking or trainer.num_sanity_val_steps == float("inf")
        if whole and isinstance(outputs, Mapping) and "embedding" in outputs:
            self._embeddings.update(batch, outputs["embedding"])

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the measures over all processes' faces.

        Raises:
            DataError: If an embedding is not finite; all processes raise.
        """
        rows = self._embeddings.gather()
        if rows is None:
            return
        genuine, impostor = pair_distances(rows, self.num_faces)
        found = Distribution.of(genuine, impostor) if len(genuine) and len(impostor) else None
        if found is None and not self._said:
            rank_zero_info("No score distributions: validation has no two faces of one identity and one of another")
            self._said = True
        if trainer.sanity_checking:
            self._before = found
            return
        self._after = found
        # what chooses checkpoints looks for them in any case
        measures = dict.fromkeys(MEASURES, torch.tensor(torch.nan)) if found is None else found.measures
        pl_module.log_dict({f"val/{name}": value for name, value in measures.items()})

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the picture."""
        if self._after is None or self._folder is None or not trainer.is_global_zero:
            return
        panels = {"before": self._before} if self._before is not None else {}
        path = self._folder / "score_distributions.png"
        draw_distributions({**panels, "after": self._after}, path)
        log_picture(trainer, "figures/score_distributions", path)

    def state_dict(self) -> dict[str, Any]:
        """Keep what was before the training and what is now, for a run that is resumed, if only at its end."""
        kept = {"before": self._before, "after": self._after}
        return {name: None if found is None else found._asdict() for name, found in kept.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what a checkpoint kept."""
        kept = {name: None if found is None else Distribution(**found) for name, found in state_dict.items()}
        self._before, self._after = kept["before"], kept.get("after")


class Distribution(NamedTuple):
    """Histograms of genuine and impostor squared distances, with their measures."""

    genuine: Tensor
    """``(NUM_BINS,)``: shares of genuine pairs by distance, from 0 to 4."""
    impostor: Tensor
    """``(NUM_BINS,)``: shares of impostor pairs by distance, from 0 to 4."""
    measures: dict[str, Tensor]
    """Means, variances and decidability by name."""

    @classmethod
    def of(cls, genuine: Tensor, impostor: Tensor) -> "Distribution":
        """Describe distances, ``(N,)`` and ``(M,)``."""
        moments = (genuine.mean(), impostor.mean(), genuine.var(correction=0), impostor.var(correction=0))
        measures = dict(zip(MEASURES, (*moments, decidability(genuine, impostor)), strict=True))
        return cls(_histogram(genuine), _histogram(impostor), measures)


def _histogram(distances: Tensor) -> Tensor:
    return torch.histc(distances, NUM_BINS, min=0, max=LARGEST) / len(distances)


def pair_distances(rows: Rows, num_faces: int) -> tuple[Tensor, Tensor]:
    """Return the squared distances of all genuine and of all impostor pairs of L2-normalised embeddings.

    An embedding of zeros has no direction: its distances are those of embeddings at right angles, 2.

    Args:
        rows: Embeddings ``(N, D)``.
        num_faces: Most faces used: those of identities drawn at random, the same in every epoch.

    Returns:
        ``(G,)`` and ``(M,)`` float32.
    """
    identities, counts = torch.unique(rows.identity, return_counts=True)
    order = torch.randperm(len(identities), generator=torch.Generator().manual_seed(0))
    chosen = identities[order[counts[order].cumsum(0) <= num_faces]]
    rows = rows.where(torch.isin(rows.identity, chosen))
    embeddings = directions(rows.value)
    nowhere = (embeddings == 0).all(1)
    first, second = torch.triu_indices(len(embeddings), len(embeddings), offset=1)
    distances = squared_distances(embeddings, embeddings)[first, second]
    distances = distances.masked_fill(nowhere[first] | nowhere[second], UNRELATED)
    same = rows.identity[first] == rows.identity[second]
    return distances[same], distances[~same]


def draw_distributions(panels: Mapping[str, Distribution], path: Path) -> None:
    """Draw histograms of distances below one another, on one scale.

    Args:
        panels: Distributions by name.
        path: Where to write the picture.
    """
    figure, every = plots(len(panels), 1, width=6.4, height=2.5 * len(panels) + 0.4, sharex="all")
    occupied = torch.stack([d.genuine + d.impostor for d in panels.values()]).sum(0).nonzero()
    limit = LARGEST * (int(occupied.max()) + 2) / NUM_BINS
    for axes, (name, distribution) in zip(every, panels.items(), strict=True):
        _draw(axes, name, distribution)
        axes.set_xlim(0, limit)
    legend(every[0])
    every[-1].set_xlabel("squared distance of L2-normalised embeddings")
    save_figure(figure, path)


def _draw(axes: "Axes", name: str, distribution: Distribution) -> None:
    edges, measures = torch.linspace(0, LARGEST, NUM_BINS + 1).numpy(), distribution.measures
    kinds = {"genuine pairs": distribution.genuine.numpy(), "impostor pairs": distribution.impostor.numpy()}
    shares(axes, kinds, edges, means=(float(measures["mu_ap"]), float(measures["mu_an"])))
    axes.set_title(f"{name}: decidability {float(measures['decidability']):.2f}", fontsize=HEADING)

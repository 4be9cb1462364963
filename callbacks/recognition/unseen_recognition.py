"""Recognition of people never seen in training, clean and under each occluder."""

from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.nn.functional import cosine_similarity

from callbacks.metrics import cmc, equal_error_rate, fold_accuracies, gallery_decidability
from callbacks.metrics.directions import rescaled
from callbacks.row_collector import RowCollector, Rows
from datamodules.seams.conditions import CLEAN, check_conditions
from datamodules.seams.face_batch import FaceBatch


class UnseenRecognition(Callback):
    """Logs identification, verification and decidability for each condition of the test set.

    Single sample per subject: the first clean image of each identity is enrolled; all its other images are
    probes, under every condition the same ones (SOIDN paper, section 4.2.2). For verification every probe is
    compared with its own enrolled image and with that of one other person, so that half of the pairs are
    genuine; accuracy is the mean over folds that share no identity. Decidability is of all comparisons between probes
    and enrolled images. A tie counts against the probe; embeddings that are not finite are refused, and the face named.

    Logged are ``test/rank1/<condition>``, ``test/accuracy/<condition>``, ``test/eer/<condition>``,
    ``test/decidability/<condition>``, and under ``occluded`` their means over all conditions but the
    clean one, ``none``.

    Args:
        num_folds: Folds of the verification, at least 2.

    Raises:
        ValueError: If ``num_folds`` is below 2.
    """

    def __init__(self, num_folds: int = 10) -> None:
        if num_folds < 2:
            raise ValueError(f"Expected `num_folds` of at least 2, got {num_folds}")
        self.num_folds = num_folds
        self._embeddings = RowCollector()

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: FaceBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Collect the batch's embeddings, if the module makes any."""
        if isinstance(outputs, Mapping) and "embedding" in outputs:
            self._embeddings.update(batch, outputs["embedding"].float())

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the measures over all processes' faces.

        Raises:
            DataError: If an embedding is not finite; all processes raise.
        """
        rows = self._embeddings.gather()
        if rows is not None:
            # every process has computed them from all faces
            measures = recognition(rows, self.num_folds)
            pl_module.log_dict({f"test/{name}": value for name, value in measures.items()})


def recognition(rows: Rows, num_folds: int = 10) -> dict[str, Tensor]:
    """Return the measures of :class:`UnseenRecognition` by ``<measure>/<condition>``.

    Args:
        rows: Embeddings ``(N, D)`` of faces under conditions, the clean ones among them.
        num_folds: Folds of the verification.

    Raises:
        ValueError: If a condition has a name that stands for a mean over them.
    """
    clean = rows.of(CLEAN)
    gallery = clean.where(_first_of_each(clean.identity))
    measures: dict[str, Tensor] = {}
    if len(gallery.index) < 2:  # a trial run that saw next to nothing
        return measures
    conditions = sorted(set(rows.occluder))
    check_conditions(condition for condition in conditions if condition != CLEAN)
    for condition in conditions:
        probes = rows.of(condition)
        probes = probes.where(~torch.isin(probes.index, gallery.index))
        faces = (gallery.value, gallery.identity, probes.value, probes.identity)
        measures[f"rank1/{condition}"] = cmc(*faces, max_rank=1)[0].float()
        measures[f"decidability/{condition}"] = gallery_decidability(*faces)
        scores, same, folds = verification_pairs(gallery, probes, num_folds)
        measures[f"accuracy/{condition}"] = fold_accuracies(scores, same, folds).mean()
        measures[f"eer/{condition}"] = equal_error_rate(scores, same)
    if occluded := [condition for condition in conditions if condition != CLEAN]:
        for name in ("rank1", "accuracy", "eer", "decidability"):
            measures[f"{name}/occluded"] = torch.stack([measures[f"{name}/{c}"] for c in occluded]).mean()
    return measures


def verification_pairs(gallery: Rows, probes: Rows, num_folds: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return similarity, sameness and fold of two pairs for each probe: one genuine, one impostor.

    Folds share no identity: both people of an impostor pair belong to the probe's fold.

    Args:
        gallery: One enrolled embedding for each of :math:`G` identities, at least two.
        probes: Embeddings of enrolled people, ``(P, D)``.
        num_folds: Folds wanted; there are at most :math:`G / 2`, and two with fewer than four identities, whose
            impostor pairs then cross the folds.

    Returns:
        Scores, same and folds, ``(2 P,)`` each.
    """
    number = len(gallery.identity)
    own = torch.searchsorted(gallery.identity.sort().values, probes.identity)  # rank of the probe's identity
    num_folds = max(2, min(num_folds, number // 2))
    step = num_folds if number >= 4 else 1  # from one member of a fold to the next
    place, first = own // step, own % step
    members = (number - 1 - first) // step + 1  # of the probe's fold
    other = (place + 1 + torch.arange(len(own)) % (members - 1)) % members  # walks through all other members
    by_rank = gallery.value[gallery.identity.argsort()]
    partners = torch.cat([by_rank[own], by_rank[other * step + first]])
    scores = cosine_similarity(rescaled(partners), rescaled(probes.value.repeat(2, 1)))
    same = torch.arange(2 * len(own)) < len(own)
    return scores, same, own.repeat(2) % num_folds


def _first_of_each(identity: Tensor) -> Tensor:
    seen: set[int] = set()
    return torch.tensor([not (i in seen or seen.add(i)) for i in identity.tolist()])  # type: ignore[func-returns-value]  # add is called for its effect

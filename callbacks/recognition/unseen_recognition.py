"""Recognition of identities never seen in training, clean and under each occluder."""

from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.recognition.recognise import recognise
from callbacks.row_collector import RowCollector, Rows
from datamodules.seams.comparisons import unseen_comparisons
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_batch import FaceBatch

MEASURES = ("rank1", "accuracy", "eer", "gallery_decidability")


class UnseenRecognition(Callback):
    """Logs identification, verification and decidability for each condition of the test set.

    Single sample per subject: see :func:`~datamodules.seams.comparisons.unseen_comparisons`. Half of the pairs are
    genuine; accuracy is the mean over folds that share no identity. Decidability is of all comparisons between probes
    and enrolled images. A tie counts against the probe; embeddings that are not finite are refused, and the face named.

    Logged are ``test/rank1/<condition>``, ``test/accuracy/<condition>``, ``test/eer/<condition>``,
    ``test/gallery_decidability/<condition>``, and under ``occluded`` their means over all conditions but the
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
            measures = unseen_recognition(rows, self.num_folds)
            pl_module.log_dict({f"test/{name}": value for name, value in measures.items()})


def unseen_recognition(rows: Rows, num_folds: int = 10) -> dict[str, float]:
    """Return the measures of :class:`UnseenRecognition` by ``<measure>/<condition>``.

    Args:
        rows: Embeddings ``(N, D)`` of faces under conditions, the clean ones among them.
        num_folds: Folds of the verification.

    Raises:
        ValueError: If a condition has a name that stands for a mean over them.
    """
    compared = unseen_comparisons(rows.identity.numpy(), rows.index.numpy(), rows.occluder, num_folds=num_folds)
    found = recognise(*compared, rows.value, rows.identity).rows()
    occluded = [condition for condition in found if condition != CLEAN]
    measures = {f"{name}/{condition}": found[condition][name] for condition in found for name in MEASURES}
    means = {f"{name}/occluded": [found[condition][name] for condition in occluded] for name in MEASURES}
    return measures | {name: float(torch.tensor(values).mean()) for name, values in means.items() if values}

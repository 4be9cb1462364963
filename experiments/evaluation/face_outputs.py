"""What a module's steps make of faces, gathered over all processes."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from callbacks.row_collector import RowCollector, Rows
from datamodules.dataset import FaceDataset, FaceSample, collate_faces
from datamodules.errors import DataError
from datamodules.seams.face_batch import FaceBatch
from datamodules.shared_memory import check_shared_memory
from experiments.evaluation.face_images import LabelledFaces

Output = Literal["embedding", "segmentation"]


class OutputCollector(Callback):
    """Gathers something of every prediction or test step.

    Args:
        output: What the steps must return.
        take: Makes of it and of the batch ``(B, ...)`` values.
    """

    def __init__(self, output: Output, take: Callable[[Tensor, FaceBatch], Tensor]) -> None:
        self.output = output
        self.take = take
        self.rows: Rows | None = None
        self._rows = RowCollector()

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: FaceBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the batch's values.

        Raises:
            DataError: If the module does not make what is asked for.
        """
        if not isinstance(outputs, Mapping) or self.output not in outputs:
            does = {"embedding": "embeds", "segmentation": "segments"}[self.output]
            raise DataError(f"Expected a module that {does} faces, got {type(pl_module).__name__}")
        self._rows.update(batch, self.take(outputs[self.output], batch))

    on_test_batch_end = on_predict_batch_end

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the processes' faces together."""
        self.rows = self._rows.gather()

    on_test_epoch_end = on_predict_epoch_end

    def values(
        self,
        run: Callable[[DataLoader[FaceSample]], object],
        faces: FaceDataset | LabelledFaces,
        *,
        image_size: int,
        batch_size: int,
        num_workers: int,
    ) -> Tensor:
        """Return the values of all faces, in the order of their images.

        Args:
            run: Predicts or tests with a trainer that has this callback.
            faces: The faces.
            image_size: Side of their images in pixels.
            batch_size: Faces that a process takes at once.
            num_workers: Processes that load images.

        Raises:
            DataError: If there are none.
        """
        check_shared_memory(image_size, [(batch_size, len(faces))], workers=num_workers)
        run(DataLoader(faces, batch_size=batch_size, num_workers=num_workers, collate_fn=collate_faces))
        if self.rows is None:
            raise DataError(f"Expected results for {len(faces)} images, got none: was the evaluation stopped?")
        return self.rows.value


def quiet_trainer(callback: Callback, options: Mapping[str, Any]) -> Trainer:
    """Return a trainer that evaluates, writes nothing and says nothing of itself."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    lightning = logging.getLogger("pytorch_lightning.utilities.rank_zero")
    level = lightning.level
    lightning.setLevel(logging.WARNING)
    try:
        return Trainer(callbacks=[callback], **{**quiet, **options})
    finally:
        lightning.setLevel(level)

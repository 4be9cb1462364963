"""What a module's steps make of faces, gathered over all processes."""

from collections.abc import Callable, Mapping
from signal import SIGTERM
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, cast

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from callbacks.row_collector import RowCollector, Rows
from datamodules.dataset import FaceDataset
from datamodules.errors import DataError
from datamodules.face_samples import collate_faces
from datamodules.plain_faces import LabelledFaces
from datamodules.seams.face_batch import FaceBatch
from datamodules.shared_memory import check_shared_memory
from experiments.cli.foreign_chatter import warnings_only
from experiments.evaluation.embedding_key import module_key
from lightning_modules.outputs import StepOutput


class Extraction(NamedTuple):
    """A module that embeds or segments faces, and what its results depend on."""

    module: LightningModule
    image_size: int
    name: str

    @property
    def key(self) -> str:
        """What tells embeddings apart, but for the device and precision: see :func:`~.embedding_key.module_key`."""
        return module_key(self.module, self.image_size)


class Computing(NamedTuple):
    """How a module is run over faces."""

    batch_size: int = 256
    """Images that a process takes at once."""
    num_workers: int = 0
    """Processes that load images, for each that computes."""
    trainer_options: Mapping[str, Any] = MappingProxyType({})
    """Devices, precision and so on."""


class OutputCollector(Callback):
    """Gathers something of every step over faces.

    Args:
        output: ``embedding``, of predictions, or ``segmentation``, of tests.
        take: Makes of a step's outputs and of the batch ``(B, ...)`` values.
        computing: How.
    """

    def __init__(
        self,
        output: Literal["embedding", "segmentation"],
        take: Callable[[StepOutput, FaceBatch], Tensor],
        computing: Computing,
    ) -> None:
        self.output = output
        self.take = take
        self.computing = computing
        self.trainer = quiet_trainer(self, computing.trainer_options)
        self._rows = RowCollector()
        self._found: Rows | None = None

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
            SystemExit: If the process was told to end: Lightning takes the signal, and heeds it in a training only.
        """
        if trainer.received_sigterm:
            raise SystemExit(128 + SIGTERM)
        if not isinstance(outputs, Mapping) or self.output not in outputs:
            does = {"embedding": "embeds", "segmentation": "segments"}[self.output]
            raise DataError(f"Expected a module that {does} faces, got {type(pl_module).__name__}")
        self._rows.update(batch, self.take(cast(StepOutput, outputs), batch))

    on_test_batch_end = on_predict_batch_end

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the processes' faces together."""
        self._found = self._rows.gather()

    on_test_epoch_end = on_predict_epoch_end

    def values(self, extraction: Extraction, faces: FaceDataset | LabelledFaces) -> Tensor:
        """Return the values of all faces, in the order of their images.

        Raises:
            DataError: If there are none, or an image cannot be read.
        """
        batch_size, num_workers, _ = self.computing
        check_shared_memory(extraction.image_size, [(batch_size, len(faces))], workers=num_workers)
        every = range(max(len(faces), self.trainer.world_size))  # a process without an image is refused by Lightning
        shared = Subset(faces, [row % len(faces) for row in every])  # what is seen twice counts once
        loader = DataLoader(shared, batch_size=batch_size, num_workers=num_workers, collate_fn=collate_faces)
        if self.output == "embedding":
            self.trainer.predict(extraction.module, loader, return_predictions=False)
        else:
            self.trainer.test(extraction.module, loader, verbose=False)
        if self._found is None:
            raise DataError(f"Expected results for {len(faces)} images, got none: was the evaluation stopped?")
        return self._found.value


def quiet_trainer(callback: Callback, options: Mapping[str, Any]) -> Trainer:
    """Return a trainer that evaluates, writes nothing and says nothing of itself."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    with warnings_only("pytorch_lightning.utilities.rank_zero"):
        return Trainer(callbacks=[callback], **{**quiet, **options})

"""The loader of training faces, which resumes in the middle of an epoch."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytorch_lightning import Trainer
from torch.utils.data import DataLoader

from datamodules.dataset import FaceDataset
from datamodules.errors import DataError
from datamodules.face_samples import FaceSample
from datamodules.identity_sampler import IdentitySampler
from datamodules.sampler import EpochSampler
from datamodules.seams.face_batch import FaceBatch


class TrainingLoader(DataLoader[FaceSample]):
    """Yields an epoch's batches from the one that is next, which after resuming need not be its first.

    Those before it are neither loaded nor drawn. Sampler and loading processes begin when the first batch is asked for:
    Lightning makes its iterator before it has restored which epoch and which batch that is.

    Args:
        dataset: The faces.
        sampler: Their order.
        next_batch: Returns how many batches of the epoch have been trained on.
        kwargs: What else :class:`torch.utils.data.DataLoader` takes.
    """

    def __init__(
        self,
        dataset: FaceDataset,
        *,
        sampler: EpochSampler | IdentitySampler,
        next_batch: Callable[[], int],
        **kwargs: Any,
    ) -> None:
        super().__init__(dataset, sampler=sampler, **kwargs)
        self.next_batch = next_batch

    def __iter__(self) -> Iterator[FaceBatch]:  # type: ignore[override]  # a generator, so that it begins late
        """Yield the batches that are left of the epoch."""
        done = self.next_batch()
        if done and not isinstance(self.sampler, EpochSampler | IdentitySampler):  # `overfit_batches` takes another
            raise DataError(
                f"Expected the suite's own order of images to resume after {done} batches of an epoch, got "
                f"{type(self.sampler).__name__}: with `trainer.overfit_batches`, resume from the end of an epoch"
            )
        self.sampler.start = done * (self.batch_size or 1)  # type: ignore[attr-defined]  # of both samplers
        yield from super().__iter__()

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: with this and the next, Lightning knows that the loader can be resumed."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing: where to resume, the training knows."""


def trained_on(trainer: Trainer) -> int:
    """Return how many batches of the epoch in progress have been trained on."""
    return trainer.fit_loop.epoch_loop.batch_progress.current.ready


def check_same_batches(saved: Mapping[str, int], ours: Mapping[str, int]) -> None:
    """Refuse to resume inside an epoch with other batches than it was begun with.

    Args:
        saved: What the batches depended on, in words, where the training was saved; nothing at an epoch's end.
        ours: What they depend on now.

    Raises:
        DataError: If they would be others.
    """
    for name, theirs in saved.items():
        if ours[name] != theirs:
            raise DataError(
                f"Expected {name} {theirs:,}, as in the epoch inside which the training was saved, got "
                f"{ours[name]:,}; a training that was saved at the end of an epoch resumes with either"
            )

"""Faces with occluders for training, validation and evaluation on identities never seen in training."""

import logging
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.trainer.states import TrainerFn
from torch.utils.data import ConcatDataset, DataLoader, Dataset

from datamodules.augmentation import Augmentation
from datamodules.dataset import FaceDataset, FaceSample, collate_faces, load_face
from datamodules.duplicates import Duplicates
from datamodules.identity_sampler import IdentityBatches, IdentitySampler
from datamodules.image_checks import OnBadImage, look_at_images
from datamodules.loader import TrainingLoader, check_same_batches, trained_on
from datamodules.occluders.mixture import OccluderMixture
from datamodules.occluders.occluder import Occluder
from datamodules.randomness import sample_generator
from datamodules.sampler import EpochSampler
from datamodules.seams.conditions import check_conditions
from datamodules.seams.face_source import FaceSource, UInt8Image
from datamodules.shared_memory import check_shared_memory
from datamodules.sources.landmarks import FixedLandmarks, LandmarkSource, SourceLandmarks
from datamodules.split import split_identities

log = logging.getLogger(__name__)


class FaceDataModule(LightningDataModule):
    """Splits a source by identity, occludes its faces and batches them as :class:`datamodules.seams.FaceBatch`.

    Training and validation use images of the training identities, occluded by ``training_occluder``; the test
    loader yields the unseen identities, first clean and then once under each of ``evaluation_occluders``.

    Args:
        source: Where faces come from.
        training_occluder: Covers training and validation faces; ``None`` trains on clean faces.
        occlude_validation: Cover validation faces as training faces are; False leaves them clean, as occlusion maps
            need them.
        evaluation_occluders: Its occluders are the conditions of the evaluation, beside clean, each by the mixture's
            name for it.
        landmarks: Where landmarks come from; by default the source's own, else the 112 × 112 alignment template.
        image_size: Side of the images in pixels.
        batch_size: Images a process trains on at once.
        identity_batches: Train on so many identities with so many images each, as triplets need them; takes the place
            of ``batch_size``: one batch of all processes together.
        evaluation_batch_size: Images a process validates or evaluates at once.
        num_workers: Processes that load images; 0 loads in the training process.
        min_images: Images an identity needs to be trained on; the paper takes those with more than 50.
        num_unseen: Identities kept for evaluation, see :func:`datamodules.split.split_identities`.
        max_unseen_share: Share of the trainable identities that evaluation may take.
        images_per_unseen: Images used of each unseen identity: one enrolled, the others probes.
        validation_share: Share of each training identity's images kept for validation.
        augmentation: Random changes of training images beside occlusion.
        on_bad_image: ``"stop"`` at an image that cannot be used, or ``"skip"`` and count it.
        check_images: Load every image once before training, so that a bad one, or a copy, is found at once.
        duplicates: What to do about images that are pixel for pixel copies of others: ``"warn"`` of them, ``"drop"``
            them as :class:`datamodules.duplicates.Copies` says, or ``"refuse"`` them. Only checked images are compared.
        seed: Seed of split, order, occluders and augmentation.

    Raises:
        DataError: If too few identities are left, an image cannot be used, or one is a copy that may not be.
        ValueError: If a setting is out of range, an occluder does not fit images of ``image_size``, or a condition has
            a name that stands for something else, see :func:`datamodules.seams.conditions.check_conditions`.
    """

    def __init__(
        self,
        source: FaceSource,
        *,
        training_occluder: Occluder | None = None,
        occlude_validation: bool = True,
        evaluation_occluders: OccluderMixture | None = None,
        landmarks: LandmarkSource | None = None,
        image_size: int = 224,
        batch_size: int = 64,
        identity_batches: IdentityBatches | None = None,
        evaluation_batch_size: int = 256,
        num_workers: int = 4,
        min_images: int = 51,
        num_unseen: int = 200,
        max_unseen_share: float = 0.5,
        images_per_unseen: int = 6,
        validation_share: float = 0.1,
        augmentation: Augmentation | None = None,
        on_bad_image: OnBadImage = "stop",
        check_images: bool = True,
        duplicates: Duplicates = "warn",
        seed: int = 0,
    ) -> None:
        super().__init__()
        _check_least(1, image_size=image_size, evaluation_batch_size=evaluation_batch_size)
        _check_least(2, batch_size=batch_size)  # batch norm needs two
        check_conditions(evaluation_occluders.names if evaluation_occluders else ())
        self.source = source
        self.training_occluder = training_occluder
        self.occlude_validation = occlude_validation
        self.evaluation_occluders = evaluation_occluders
        self.landmarks = landmarks or SourceLandmarks(FixedLandmarks("arcface"))
        self.image_size = image_size
        self.batch_size = batch_size
        self.identity_batches = identity_batches
        self.evaluation_batch_size = evaluation_batch_size
        self.num_workers = num_workers
        self.augmentation = augmentation
        self.seed = seed
        if not check_images and (on_bad_image == "skip" or duplicates != "warn"):
            asked = "on_bad_image: skip" if on_bad_image == "skip" else f"duplicates: {duplicates}"
            raise ValueError(f"Expected `check_images` with `{asked}`: what is not looked at cannot be left out")
        found = look_at_images(source, self.landmarks, on_bad_image, duplicates) if check_images else None
        usable = np.arange(len(source)) if found is None else found.usable
        self.checked = check_images
        self.skipped, self.dropped = ([], 0) if found is None else (found.skipped, found.dropped)
        split = split_identities(
            source.identities[usable],
            min_images=min_images,
            num_unseen=num_unseen,
            max_unseen_share=max_unseen_share,
            images_per_unseen=images_per_unseen,
            validation_share=validation_share,
            seed=seed,
        )
        if found is not None and found.copies:
            log.warning("%s; %s", found.copies.describe(source, usable), found.copies.describe_leaks(split))
        self.split = split._replace(
            train=usable[split.train], validation=usable[split.validation], unseen=usable[split.unseen]
        )
        if identity_batches is not None:
            self._identity_sampler(identity_batches)  # refuses too few identities now
        for occluder in (training_occluder, evaluation_occluders):
            if occluder is not None:
                _try_on(occluder, image_size)

    @property
    def num_classes(self) -> int:
        """Number of training identities."""
        return len(self.split.train_identities)

    def describe(self) -> str:
        """Return one line: how many images and identities are trained, validated and evaluated on."""
        unseen = len(np.unique(self.source.identities[self.split.unseen]))
        skipped = f"; {len(self.skipped)} unusable images left out" if self.skipped else ""
        skipped += f"; {self.dropped:,} copies left out" if self.dropped else ""
        skipped += "" if self.checked else "; bad images and copies not looked for (check_images: false)"
        return (
            f"training on {len(self.split.train):,} images of {self.num_classes:,} identities, "
            f"validating on {len(self.split.validation):,} other images of them, "
            f"evaluating on {len(self.split.unseen):,} images of {unseen:,} unseen identities"
            f"{skipped}{self._describe_batches()}"
        )

    def _describe_batches(self) -> str:
        if self.identity_batches is None:
            return ""
        left_out = self._identity_sampler(self.identity_batches).left_out
        batches = f"; batches of {self.identity_batches.identities} identities × {self.identity_batches.images} images"
        return batches + (f"; {left_out:,} identities of one training image left out" if left_out else "")

    def clean_face(self, index: int) -> UInt8Image:
        """Return image ``index`` of the source as networks see it, ``(image_size, image_size, 3)`` uint8 RGB."""
        return load_face(self.source, index, self.landmarks, self.image_size)[0]

    def setup(self, stage: str) -> None:
        """Refuse loading processes whose batches do not fit into shared memory: of a fit, those of its evaluation too.

        Raises:
            DataError: If they do not.
        """
        conditions = 1 + len(self.evaluation_occluders.names) if self.evaluation_occluders else 1
        evaluation = (self.evaluation_batch_size, max(len(self.split.validation), conditions * len(self.split.unseen)))
        groups = self.identity_batches
        processes = self.trainer.num_devices if self.trainer else 1
        batch = groups.identities * groups.images // processes if groups else self.batch_size
        check_shared_memory(
            self.image_size,
            [(batch, len(self.split.train)), evaluation] if stage == "fit" else [evaluation],
            workers=self.num_workers,
            trainings=processes,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what the batches of the epoch depend on, if the training is inside one."""
        inside = self.trainer is not None and 0 < trained_on(self.trainer) < self.trainer.num_training_batches
        return {"batches": self._batches()} if inside else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse to resume inside an epoch with other batches than it was begun with.

        Raises:
            DataError: If they would be others.
        """
        if self.trainer is None or self.trainer.state.fn != TrainerFn.FITTING:
            return
        check_same_batches(state_dict.get("batches", {}), self._batches())

    def _batches(self) -> dict[str, int]:
        world_size = self.trainer.world_size if self.trainer else 1
        groups = self.identity_batches
        return {
            "a batch of all processes of": groups.identities * groups.images
            if groups
            else self.batch_size * world_size,
            "identities in a batch:": groups.identities if groups else 0,
            "training images:": len(self.split.train),
            "a seed of": self.seed,
        }

    def train_dataloader(self) -> DataLoader[FaceSample]:
        """Occluded training faces, shuffled by (seed, epoch), in batches of identities where these are asked for."""
        dataset = self._dataset("train", self.training_occluder, augmentation=self.augmentation)
        world_size, rank = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        if self.identity_batches is not None:
            identities = self._identity_sampler(self.identity_batches, world_size=world_size, rank=rank)
            return self._training_loader(dataset, identities, batch_size=identities.slice_size, drop_last=True)
        # a last batch of one face would break batch norm
        drop_last = len(dataset) // world_size >= self.batch_size
        sampler = EpochSampler(dataset, world_size=world_size, rank=rank, seed=self.seed, drop_last=drop_last)
        return self._training_loader(dataset, sampler, batch_size=self.batch_size, drop_last=drop_last)

    def val_dataloader(self) -> DataLoader[FaceSample]:
        """Other images of the training identities, occluded the same in every epoch, or clean."""
        dataset = self._dataset("validation", self.training_occluder if self.occlude_validation else None)
        return self._loader(dataset, batch_size=self.evaluation_batch_size)

    def test_dataloader(self) -> DataLoader[FaceSample]:
        """Unseen identities: clean, then under each occluder, labelled by the mixture's name for it."""
        mixture = self.evaluation_occluders
        components = {name: mixture.component(name) for name in mixture.names} if mixture else {}
        occluded = [self._dataset("unseen", occluder, condition=name) for name, occluder in components.items()]
        return self._loader(
            ConcatDataset([self._dataset("unseen", None), *occluded]), batch_size=self.evaluation_batch_size
        )

    predict_dataloader = test_dataloader

    def _identity_sampler(self, batches: IdentityBatches, *, world_size: int = 1, rank: int = 0) -> IdentitySampler:
        return IdentitySampler(
            self.source.identities[self.split.train],
            identities=batches.identities,
            images=batches.images,
            world_size=world_size,
            rank=rank,
            seed=self.seed,
        )

    def _dataset(
        self,
        part: str,
        occluder: Occluder | None,
        *,
        augmentation: Augmentation | None = None,
        condition: str | None = None,
    ) -> FaceDataset:
        indices = getattr(self.split, part)
        labels = self.source.identities[indices]
        if part != "unseen":
            labels = np.searchsorted(self.split.train_identities, labels)
        return FaceDataset(
            self.source,
            indices,
            labels,
            landmarks=self.landmarks,
            image_size=self.image_size,
            occluder=occluder,
            augmentation=augmentation,
            seed=self.seed,
            stream=part,
            condition=condition,
        )

    def _training_loader(
        self, dataset: FaceDataset, sampler: EpochSampler | IdentitySampler, **kwargs: Any
    ) -> TrainingLoader:
        return TrainingLoader(dataset, sampler=sampler, next_batch=self._next_batch, **self._loading(), **kwargs)

    def _next_batch(self) -> int:
        return trained_on(self.trainer) if self.trainer and self.trainer.training else 0

    def _loader(self, dataset: Dataset[FaceSample], **kwargs: Any) -> DataLoader[FaceSample]:
        return DataLoader(dataset, **self._loading(), **kwargs)

    def _loading(self) -> dict[str, Any]:
        return {
            "collate_fn": collate_faces,
            "num_workers": self.num_workers,
            "persistent_workers": self.num_workers > 0,
            "pin_memory": torch.cuda.is_available(),
        }


def _try_on(occluder: Occluder, image_size: int) -> None:
    """Cover a blank face, with each component of a mixture: what does not fit the image is refused now."""
    if isinstance(occluder, OccluderMixture):
        for name in occluder.names:
            _try_on(occluder.component(name), image_size)
        return
    face = np.zeros((image_size, image_size, 3), np.uint8)
    landmarks = FixedLandmarks("arcface").scaled(image_size, image_size)
    occluder(face, landmarks, sample_generator(0, 0, 0, stream="try-on"))


def _check_least(least: int, **settings: int) -> None:
    for name, value in settings.items():
        if value < least:
            raise ValueError(f"Expected `{name}` of at least {least}, got {value}")

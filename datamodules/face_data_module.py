"""Faces with occluders for training, validation and evaluation on identities never seen in training."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from pytorch_lightning.trainer.states import TrainerFn
from torch.utils.data import ConcatDataset, DataLoader, Dataset

from datamodules.augmentation import Augmentation
from datamodules.condition_checks import check_told_apart
from datamodules.dataset import FaceDataset, load_face
from datamodules.device_drawing import DeviceDrawing
from datamodules.face_samples import FaceSample
from datamodules.identity_sampler import IdentityBatches
from datamodules.image_checks import ImageChecks, look_at_images
from datamodules.least import check_least
from datamodules.loader import TrainingLoader, check_same_batches, trained_on
from datamodules.loading import Loading
from datamodules.occluders.mixture import OccluderMixture
from datamodules.occluders.occluder import Occluder
from datamodules.occluders.try_on import try_on
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.face_source import FaceSource, UInt8Image
from datamodules.seams.label_maps import LabelMaps
from datamodules.shard_sampler import runs_of
from datamodules.shared_memory import check_shared_memory
from datamodules.sources.landmarks import FixedLandmarks, LandmarkSource, SourceLandmarks
from datamodules.split import IdentitySplit, SplitSettings, split_identities
from datamodules.training_batches import TrainingBatches


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
        augmentation: Random changes of training images beside occlusion.
        identity_batches: Train on so many identities with so many images each, as triplets need them; takes the place
            of ``loading.batch_size``: one batch of all processes together.
        split: Who is trained on, and what is kept for validation and evaluation.
        loading: Sizes of batches, and the processes that load them.
        checks: What is looked for in all images before training.
        seed: Seed of split, order, occluders and augmentation.

    Raises:
        DataError: If too few identities are left, an image cannot be used, one is a copy that may not be, or an
            occluder in a photograph is called as one that is drawn.
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
        augmentation: Augmentation | None = None,
        identity_batches: IdentityBatches | None = None,
        split: SplitSettings = SplitSettings(),
        loading: Loading = Loading(),
        checks: ImageChecks = ImageChecks(),
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_least(1, image_size=image_size)
        check_told_apart(source, evaluation_occluders)
        self.source = source
        self.training_occluder = training_occluder
        self.occlude_validation = occlude_validation
        self.evaluation_occluders = evaluation_occluders
        self.landmarks = landmarks or SourceLandmarks(FixedLandmarks("arcface"))
        self.image_size = image_size
        self.augmentation = augmentation
        self.loading = loading
        self.seed = seed
        self.looked = look_at_images(source, self.landmarks, checks)
        usable = self.looked.usable
        places = self._places(source.identities[usable], split)
        self.looked.warn_of_copies(source, places)
        self.split = places.among(usable)
        trained, runs = source.identities[self.split.train], runs_of(source, self.split.train)
        self.drawing = DeviceDrawing(training_occluder if loading.draw_on_device else None)
        self.batches = TrainingBatches(trained, loading.batch_size, identity_batches, seed, runs)
        for occluder in filter(None, (training_occluder, evaluation_occluders)):
            try_on(occluder, image_size)

    @property
    def num_classes(self) -> int:
        """Number of training identities."""
        return len(self.split.train_identities)

    def describe(self) -> str:
        """Return one line: how many images and identities are trained, validated and evaluated on."""
        return f"{self.split.describe(self.source.identities)}{self.looked.describe()}{self.batches.describe()}"

    def clean_face(self, index: int) -> UInt8Image:
        """Return image ``index`` of the source as networks see it, ``(image_size, image_size, 3)`` uint8 RGB."""
        return load_face(self.source, index, self.landmarks, self.image_size)[0]

    def setup(self, stage: str) -> None:
        """Refuse loading processes whose batches do not fit into shared memory: of a fit, those of its evaluation too.

        Raises:
            DataError: If they do not.
        """
        conditions = 1 + len(self.evaluation_occluders.names) if self.evaluation_occluders else 1
        most = max(len(self.split.validation), conditions * len(self.split.unseen))
        processes = self.trainer.num_devices if self.trainer else 1
        views, workers = self.loading.views, self.loading.num_workers
        training = (views * self.batches.size(processes), views * len(self.split.train))
        loaders = [(self.loading.evaluation_batch_size, most), *([training] if stage == "fit" else [])]
        check_shared_memory(self.image_size, loaders, workers=workers, trainings=processes)

    def state_dict(self) -> dict[str, Any]:
        """Return what the batches of the epoch depend on, if the training is inside one."""
        if self.trainer is None or not 0 < trained_on(self.trainer) < self.trainer.num_training_batches:
            return {}
        return {"batches": self.batches.depend_on(self.trainer.world_size)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse to resume inside an epoch with other batches than it was begun with.

        Raises:
            DataError: If they would be others.
        """
        if self.trainer is not None and self.trainer.state.fn == TrainerFn.FITTING:
            check_same_batches(state_dict.get("batches", {}), self.batches.depend_on(self.trainer.world_size))

    def train_dataloader(self) -> DataLoader[FaceSample]:
        """Occluded training faces, shuffled by (seed, epoch), in batches of identities where these are asked for."""
        dataset = self._dataset("train", self.training_occluder, augmentation=self.augmentation)
        world_size, rank = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        settings = {**self.loading.settings(), **self.batches.loader_settings(world_size, rank)}
        return TrainingLoader(dataset, next_batch=self._next_batch, **settings)

    def val_dataloader(self) -> DataLoader[FaceSample]:
        """Other images of the training identities, occluded the same in every epoch, or clean."""
        dataset = self._dataset("validation", self.training_occluder if self.occlude_validation else None)
        return self._evaluation_loader(dataset)

    def test_dataloader(self) -> DataLoader[FaceSample]:
        """Unseen identities: clean, then under each occluder, labelled by the mixture's name for it."""
        mixture = self.evaluation_occluders
        components = {name: mixture.component(name) for name in mixture.names} if mixture else {}
        occluded = [self._dataset("unseen", occluder, condition=name) for name, occluder in components.items()]
        return self._evaluation_loader(ConcatDataset([self._dataset("unseen", None), *occluded]))

    predict_dataloader = test_dataloader

    def on_after_batch_transfer(self, batch: FaceBatch, dataloader_idx: int) -> FaceBatch:
        """Draw on the device what the loading processes have left to it."""
        return self.drawing.finished(batch)

    def _places(self, identities: NDArray[np.int64], split: SplitSettings) -> IdentitySplit:
        """Return who is trained on and who is not, of the identities of usable images."""
        return split_identities(identities, split, seed=self.seed)

    def _dataset(self, part: str, occluder: Occluder | None, **settings: Any) -> FaceDataset:
        indices = getattr(self.split, part)
        labels = self.source.identities[indices]
        if part != "unseen":
            labels = self.split.classes_of(labels)
        return FaceDataset(
            self.source,
            indices,
            labels,
            landmarks=self.landmarks,
            image_size=self.image_size,
            occluder=occluder,
            seed=self.seed,
            stream=part,
            clean_views=self.loading.clean_views and part == "train",
            on_device=self.loading.draw_on_device and part == "train",
            given_labels=self.source if isinstance(self.source, LabelMaps) else None,
            **settings,
        )

    def _next_batch(self) -> int:
        return trained_on(self.trainer) if self.trainer and self.trainer.training else 0

    def _evaluation_loader(self, dataset: Dataset[FaceSample]) -> DataLoader[FaceSample]:
        return DataLoader(dataset, batch_size=self.loading.evaluation_batch_size, **self.loading.settings())

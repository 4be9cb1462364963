"""Occlusion maps of a model in training or validation."""

import signal
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, Literal, NoReturn

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import rank_zero_info
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import Tensor, nn

from callbacks.figures.occlusion_figures import save_map
from callbacks.occlusion_sensitivity import NotFiniteError, occlusion_error_map
from callbacks.occlusion_sensitivity.maps import correctly_classified
from callbacks.row_collector import RowCollector, Rows
from callbacks.run_files import log_picture, run_folder
from datamodules.errors import DataError
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.occlusion_map_file import OcclusionMap
from lightning_modules.networks import fingerprint
from lightning_modules.networks.dry_run import evaluating

Subset = Literal["placement", "scoring"]


class OcclusionMapping(Callback):
    r"""Computes occlusion maps of the model on a fixed subset of the validation images, and saves and logs them.

    Only images that the model classifies correctly count, and only those that no occluder covers. The validation
    images are divided for good into two halves by their index, so that maps that place occluders in training and maps
    that score the result never see the same image (paper, section 4.1).

    Logged are ``val/occlusion/<height>x<width>/accuracy``, :math:`1 - \operatorname{mean}(O)`, its ``std`` over
    locations, and its ``minimum``; for maps that place occluders ``val/occlusion_placement/…``. The maps are written to
    ``occlusion_maps`` in the run's folder, as ``<subset>-<height>x<width>.npz``, with ``-epoch<n>`` where there is one
    for each of several epochs (:class:`~datamodules.seams.occlusion_map_file.OcclusionMap`), and as a picture.

    Source: Sáez Trigueros et al. (2018), sections 3.1 and 4.1, https://arxiv.org/abs/1707.07923.

    Args:
        occluder_sizes: Heights and widths of the occluders in pixels.
        every_n_epochs: Epochs between maps in training, ``None`` for the last epoch only; maps are always made in a
            validation without training.
        subset: ``"scoring"`` or ``"placement"``, the half of the images used.
        num_images: Most images used; the paper's are 1,000.
        stride: Pixels between the centres evaluated; between them the map is interpolated.
        fill: Grey level of the occluder, 0 to 255.
        batch_size: Occluded images evaluated at once.

    Raises:
        ValueError: If a setting is out of range.
    """

    network: ClassVar[tuple[str, str]] = ("logits_network", "classifies")
    """Method of a module that gives the network which maps are made of, and what it does, in messages."""
    prefix: ClassVar[str] = ""
    """Of files."""
    group: ClassVar[str] = "occlusion"
    """Of measures."""

    def __init__(
        self,
        occluder_sizes: Sequence[tuple[int, int]],
        *,
        every_n_epochs: int | None = 1,
        subset: Subset = "scoring",
        num_images: int = 1000,
        stride: int = 1,
        fill: float = 127.5,
        batch_size: int | None = None,
    ) -> None:
        if not occluder_sizes or min(min(size) for size in occluder_sizes) < 1:
            raise ValueError(f"Expected `occluder_sizes` as (height, width) of at least 1, got {list(occluder_sizes)}")
        if len(set(map(tuple, occluder_sizes))) < len(occluder_sizes):
            raise ValueError(f"Expected `occluder_sizes` that differ, got {list(occluder_sizes)}")
        if min(1 if every_n_epochs is None else every_n_epochs, num_images, stride) < 1:
            given = f"{every_n_epochs}, {num_images}, {stride}"
            raise ValueError(f"Expected `every_n_epochs`, `num_images` and `stride` of at least 1, got {given}")
        if not 0.0 <= fill <= 255.0:
            raise ValueError(f"Expected `fill` in [0, 255], got {fill}")
        self.occluder_sizes = [(height, width) for height, width in occluder_sizes]
        self.every_n_epochs = every_n_epochs
        self.subset = subset
        self.num_images = num_images
        self.stride = stride
        self.fill = fill
        self.batch_size = batch_size
        self._images = RowCollector()
        self._folder: Path | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Learn the run's folder, and refuse a module that does not classify, and maps of one name.

        Raises:
            ValueError: If the module has no ``logits_network``, or another of the run's callbacks makes maps of the
                same half of the images and the same size: files and measures would be under one name.
        """
        method, does = self.network
        if not hasattr(pl_module, method):
            raise ValueError(f"Expected a module that {does} (`{method}`), got {type(pl_module).__name__}")
        every = trainer.callbacks  # type: ignore[attr-defined]  # Lightning sets it late
        others = [c for c in every if isinstance(c, OcclusionMapping) and c is not self and c.prefix == self.prefix]
        for size in self.occluder_sizes:
            if any(other.subset == self.subset and size in other.occluder_sizes for other in others):
                raise ValueError(f"Expected one callback for {self.subset} maps of {size[0]} × {size[1]}, got several")
        self._folder = run_folder(trainer, "occlusion_maps")

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse, before anything is trained, a module whose network no process has as a whole.

        Raises:
            MisconfigurationException: If it is one.
        """
        getattr(pl_module, self.network[0])()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: FaceBatch, batch_idx: int
    ) -> None:
        """Refuse occluders that do not fit the images, before the first step.

        Raises:
            DataError: If one is larger.
        """
        if batch_idx == 0:
            self._check_size(batch)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: FaceBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the batch's images, where maps will be made of them."""
        if self._is_due(trainer):
            self._check_size(batch)
            self._images.update(batch, batch["image"])

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make the maps.

        Raises:
            DataError: If no image of the subset is clean and classified correctly, or scores are not finite: the first
                such image is named. All processes raise.
        """
        rows = self._images.gather() if self._is_due(trainer) else None
        if rows is None:
            return
        try:
            with ended_by_sigterm():
                chosen = self._chosen(pl_module, rows.where(self._belongs(rows)))
                made = [self._map(pl_module, chosen, size) for size in self.occluder_sizes]
        except DataError:
            raise
        except ValueError as error:
            raise DataError(f"{type(self).__name__}: {error}") from error
        for one in made:
            self._made(trainer, pl_module, one)

    def _check_size(self, batch: FaceBatch) -> None:
        height, width = batch["image"].shape[2:]
        for h, w in self.occluder_sizes:
            if h > height or w > width:
                expected = f"expected occluders of at most the images' {height} × {width}"
                raise DataError(f"{type(self).__name__}: {expected}, got {h} × {w}")

    def _is_due(self, trainer: Trainer) -> bool:
        if trainer.sanity_checking:
            return False
        epochs = trainer.current_epoch + 1
        is_epoch = epochs == trainer.max_epochs if self.every_n_epochs is None else epochs % self.every_n_epochs == 0
        return trainer.state.fn != TrainerFn.FITTING or is_epoch

    def _chosen(self, pl_module: LightningModule, rows: Rows) -> Rows:
        """Return the images that maps are made of, as the network takes them, on its device."""
        if not len(rows.index):
            raise ValueError(f"Expected clean validation images of the {self.subset} half, got none")
        network: nn.Module = pl_module.logits_network()  # type: ignore[operator]  # checked in setup
        with torch.no_grad(), evaluating(network):
            images = self._pixels(pl_module, rows.value)
            with naming(rows):
                used = correctly_classified(network, images, rows.identity.to(pl_module.device))[: self.num_images]
        kept = used.cpu()
        names = [rows.name[row] for row in kept.tolist()]
        return Rows([CLEAN] * len(kept), rows.index[kept], rows.identity[kept], images[used], names)

    def _pixels(self, pl_module: LightningModule, images: Tensor) -> Tensor:
        """Return raw images as the network takes them, on its device."""
        parts = torch.split(images, 256)
        return torch.cat([pl_module.pixels(part.to(pl_module.device)) for part in parts])  # type: ignore[operator]  # FaceModule's

    def _grey(self, pl_module: LightningModule) -> Tensor:
        """Return the occluder's values as the network takes them, ``(C,)``."""
        return self._pixels(pl_module, torch.full((1, 3, 1, 1), self.fill)).flatten()

    def _map(self, pl_module: LightningModule, chosen: Rows, size: tuple[int, int]) -> OcclusionMap:
        with naming(chosen):
            error = occlusion_error_map(
                pl_module.logits_network(),  # type: ignore[operator]  # checked in setup
                chosen.value,
                chosen.identity.to(pl_module.device),
                occluder_size=size,
                fill=self._grey(pl_module),
                stride=self.stride,
                batch_size=self.batch_size,
            )
        return self._described(pl_module, error, size, chosen.index)

    def _described(
        self, pl_module: LightningModule, error: Tensor, size: tuple[int, int], index: Tensor
    ) -> OcclusionMap:
        """Return a map with what it was made of: images of an index ``(N,)``."""
        return OcclusionMap(
            error=error.cpu().numpy(),
            occluder_size=size,
            fill=torch.full((3,), self.fill).numpy(),
            stride=self.stride,
            indices=index.numpy(),
            model=fingerprint(pl_module.state_dict()),
            checkpoint=self._origin(pl_module),
        )

    def _belongs(self, rows: Rows) -> Tensor:
        placement = torch.tensor([in_placement_half(int(index)) for index in rows.index], dtype=torch.bool)
        clean = torch.tensor([name == CLEAN for name in rows.occluder], dtype=torch.bool)
        return clean & (placement if self.subset == "placement" else ~placement)

    def _origin(self, pl_module: LightningModule) -> str:
        trainer = pl_module.trainer
        if trainer.state.fn != TrainerFn.FITTING:
            return str(trainer.ckpt_path or getattr(pl_module, "origin", "weights in memory"))
        return f"epoch {trainer.current_epoch} of {trainer.log_dir or 'a run without a folder'}"

    def measures(self, made: OcclusionMap) -> dict[str, float]:
        """Return what is logged of a map, by name."""
        height, width = made.occluder_size
        group = self.group if self.subset == "scoring" else f"{self.group}_placement"
        measures = {"accuracy": made.mean_accuracy, "std": made.std, "minimum": 1.0 - float(made.error.max())}
        return {f"val/{group}/{height}x{width}/{key}": value for key, value in measures.items()}

    def _made(self, trainer: Trainer, pl_module: LightningModule, made: OcclusionMap) -> None:
        """Log and save a map; every process has the same."""
        height, width = made.occluder_size
        name = f"{self.prefix}{self.subset}-{height}x{width}"
        pl_module.log_dict(self.measures(made))
        rank_zero_info(
            f"Occlusion map {height} × {width} of {len(made.indices)} images: accuracy {made.mean_accuracy:.1%} "
            f"± {made.std:.1%} over locations"
        )
        if self._folder is None or not trainer.is_global_zero:
            return
        one_of_many = trainer.state.fn == TrainerFn.FITTING and self.every_n_epochs is not None
        at = f"-epoch{trainer.current_epoch}" if one_of_many else ""
        path = self._folder / f"{name}{at}.npz"
        made.save(path)
        picture = save_map(made, path.with_suffix(".png"))
        log_picture(trainer, f"occlusion_maps/{name}", picture)


@contextmanager
def naming(rows: Rows) -> Iterator[None]:
    """Name the image where the engine knows but its place."""
    try:
        yield
    except NotFiniteError as error:
        expected = "expected finite scores with and without an occluder, got NaN or infinity"
        raise DataError(f"{rows.called(error.image)}: {expected}") from error


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end a long computation that changes nothing, as it ends a training after a batch."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> NoReturn:
        if callable(before):
            before(number, frame)
        raise SIGTERMException

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def in_placement_half(index: int) -> bool:
    """Whether an image, by its index in the source, belongs to the half that maps for placement are made of.

    Example:
        >>> [in_placement_half(index) for index in range(6)]
        [False, False, True, True, False, False]
    """
    return zlib.crc32(index.to_bytes(8, "little")) % 2 == 0

"""A placement of occluders that follows a model while it is trained."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor

from callbacks.occlusion_mapping import OcclusionMapping
from datamodules.seams.occlusion_map_file import OcclusionMap


class MapRefresh(OcclusionMapping):
    """Recomputes the map that places occluders, with the model as it is, so that they follow what it relies on.

    Every ``refresh_every`` epochs, at their end, the file that :class:`~datamodules.occluders.StrategicPlacement` reads
    is replaced. A resumed run first puts the map back that was in use when it was saved, be it the one it began with.

    Beyond the paper, whose map is of the model before fine-tuning.

    Args:
        map_file: The map to replace: the placement's ``map_file``.
        occluder_size: Height and width of the occluder in pixels.
        refresh_every: Epochs between maps.
        num_images: Most images used; the paper's are 1,000.
        stride: Pixels between the centres evaluated; between them the map is interpolated.
        fill: Grey level of the occluder, 0 to 255.
        batch_size: Occluded images evaluated at once.

    Raises:
        ValueError: If a setting is out of range.
    """

    def __init__(
        self,
        map_file: Path | str,
        occluder_size: tuple[int, int],
        refresh_every: int,
        *,
        num_images: int = 1000,
        stride: int = 1,
        fill: float = 127.5,
        batch_size: int | None = None,
    ) -> None:
        if refresh_every < 1:
            raise ValueError(f"Expected `refresh_every` of at least 1, got {refresh_every}")
        super().__init__(
            [occluder_size],
            every_n_epochs=refresh_every,
            subset="placement",
            num_images=num_images,
            stride=stride,
            fill=fill,
            batch_size=batch_size,
        )
        self.map_file = Path(map_file)
        self._current: OcclusionMap | None = None
        self._next: OcclusionMap | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the map in use and the one that will be in the next epoch, as plain values and tensors."""
        return {**_plain(self._current), "next": _plain(self._next)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the maps of a checkpoint."""
        self._next = _map_of(state_dict.get("next", {}))
        self._current = _map_of({name: value for name, value in state_dict.items() if name != "next"})

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the map of the checkpoint back, as the file may be a later epoch's; or remember what a run begins with.

        Raises:
            DataError: If the file is no map.
        """
        if self._current is not None:
            self._publish(trainer)
        elif self.map_file.exists():
            self._current = OcclusionMap.load(self.map_file)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace the file: inside an epoch, faces that are loaded ahead would be of either map."""
        if self._next is not None:
            self._current, self._next = self._next, None
            self._publish(trainer)

    def _is_due(self, trainer: Trainer) -> bool:
        return trainer.state.fn == TrainerFn.FITTING and super()._is_due(trainer)

    def _made(self, trainer: Trainer, pl_module: LightningModule, made: OcclusionMap) -> None:
        super()._made(trainer, pl_module, made)
        self._next = made

    def _publish(self, trainer: Trainer) -> None:
        if self._current is not None and trainer.is_global_zero:
            self._current.save(self.map_file)
        trainer.strategy.barrier()


def _plain(made: OcclusionMap | None) -> dict[str, Any]:
    """Return a map as a checkpoint holds it, nothing for none."""
    values = {} if made is None else {field.name: getattr(made, field.name) for field in fields(made)}
    return {name: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for name, v in values.items()}


def _map_of(plain: Mapping[str, Any]) -> OcclusionMap | None:
    """Return the map that :func:`_plain` was given."""
    values: dict[str, Any] = {name: v.numpy() if isinstance(v, Tensor) else v for name, v in plain.items()}
    return OcclusionMap(**values) if values else None

"""How faces are loaded: how many at once, by how many processes."""

from dataclasses import dataclass
from typing import Any

import torch

from datamodules.face_samples import collate_faces
from datamodules.least import check_least


@dataclass(frozen=True)
class Loading:
    """Sizes of batches, and the processes that load them.

    Args:
        batch_size: Images a process trains on at once, at least 2: batch normalisation needs them.
        evaluation_batch_size: Images a process validates or evaluates at once.
        num_workers: Processes that load images; 0 loads in the training process.
        clean_views: Load every training image also as it is without occluder and augmentation, for trainings that learn
            from both.
        draw_on_device: Let the loading processes draw label maps alone, and the device of the training the template
            occluders and the augmentation of a whole batch: see :class:`~datamodules.device_drawing.DeviceDrawing`.

    Raises:
        ValueError: If a setting is out of range.
    """

    batch_size: int = 64
    evaluation_batch_size: int = 256
    num_workers: int = 4
    clean_views: bool = False
    draw_on_device: bool = False

    def __post_init__(self) -> None:
        check_least(2, batch_size=self.batch_size)
        check_least(1, evaluation_batch_size=self.evaluation_batch_size)
        check_least(0, num_workers=self.num_workers)

    @property
    def views(self) -> int:
        """How many images a training face comes as."""
        return 2 if self.clean_views else 1

    def settings(self) -> dict[str, Any]:
        """Return what every loader of faces takes, beside its dataset and the size of its batches."""
        return {
            "collate_fn": collate_faces,
            "num_workers": self.num_workers,
            "persistent_workers": self.num_workers > 0,
            "pin_memory": torch.cuda.is_available(),
        }

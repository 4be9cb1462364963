"""Stand-ins for what Lightning hands to callbacks."""

from typing import Any

import pytest
import torch

from datamodules.seams.face_batch import FaceBatch


class RecordingModule:
    def __init__(self) -> None:
        self.logged: dict[str, float] = {}

    def log_dict(self, values: dict[str, Any]) -> None:
        self.logged |= {name: float(value) for name, value in values.items()}


@pytest.fixture
def recording_module() -> RecordingModule:
    return RecordingModule()


@pytest.fixture
def batch() -> FaceBatch:
    mask = torch.zeros(3, 4, 4, dtype=torch.uint8)
    mask[1:, 2:] = 1
    return FaceBatch(
        image=torch.full((3, 3, 4, 4), 100, dtype=torch.uint8),
        mask=mask,
        identity=torch.tensor([0, 1, 2]),
        index=torch.tensor([5, 6, 7]),
        occluder=["none", "scarf", "cup"],
    )

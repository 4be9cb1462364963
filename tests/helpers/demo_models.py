"""Models for the demo's page that say what anybody can work out by hand."""

import time
from pathlib import Path

import torch
from torch import Tensor, nn

from experiments.demo_page.face_model import FaceModel
from experiments.evaluation.face_outputs import Extraction
from experiments.evaluation.given_models import Model
from lightning_modules.extractors import Extractor
from lightning_modules.networks import Normalize

SIDE = 32
PLAIN = Normalize([0.0] * 3, [255.0] * 3)


class QuartersAndBlack(nn.Module):
    """Embeds the mean colours of sixteen parts, and says that black pixels are covered."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        black = (x.amax(1) < 0.02).float()
        return {"embedding": nn.functional.adaptive_avg_pool2d(x, 4).flatten(1), "occluder_probability": black}


class Quarters(nn.Module):
    """Embeds the same and says nothing of occluders."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(x, 4).flatten(1)


class Slow(Quarters):
    """Embeds the same and takes its time; torch cannot follow it, so that maps run all of it for each place."""

    SECONDS, MOST = 0.4, 14
    """Of a batch; and batches until a pair's map at every second pixel is made, those before it included."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        if float(x.sum()) < 0:
            return -self.forward(-x)
        self.calls += 1
        time.sleep(self.SECONDS)
        return super().forward(x)


class Mute(nn.Module):
    """Embeds nothing, and says where occluders are."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"occluder_probability": x.mean(1)}


def face_model(network: nn.Module | None = None, name: str = "toy") -> FaceModel:
    """Return such a model as the page has them."""
    built = Extractor(network or QuartersAndBlack(), image_size=SIDE, normalize=PLAIN)
    return FaceModel(Model(Extraction(built, SIDE, name), str(Path(name))))


def noise(seed: int, low: int = 60) -> Tensor:
    """Return a face ``(3, S, S)`` uint8 without a black pixel."""
    return torch.randint(low, 256, (3, SIDE, SIDE), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)

"""Small networks and a batch of raw pixels."""

from functools import partial

import pytest
import torch

from datamodules.seams.face_batch import FaceBatch
from lightning_modules.networks import SOIDN, FaceNet, FCN8s, PooledHead, VGG16Trunk


@pytest.fixture
def batch() -> FaceBatch:
    generator = torch.Generator().manual_seed(0)
    return FaceBatch(
        image=torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8, generator=generator),
        mask=torch.randint(2, (4, 32, 32), dtype=torch.uint8, generator=generator),
        identity=torch.tensor([0, 1, 2, 1]),
        index=torch.arange(4),
        occluder=["none", "cup", "cup", "scarf"],
    )


@pytest.fixture
def face_net() -> FaceNet:
    torch.manual_seed(0)
    return FaceNet(VGG16Trunk(0.125, batch_norm=True), partial(PooledHead, embedding_dim=8), image_size=32)


@pytest.fixture
def soidn() -> SOIDN:
    torch.manual_seed(0)
    head = partial(PooledHead, embedding_dim=8)
    return SOIDN(VGG16Trunk(0.125), FCN8s(0.125, fully_connected_dim=16, dropout=0.0), head, image_size=32)

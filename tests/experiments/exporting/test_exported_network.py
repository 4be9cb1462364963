"""An exported network returns what its module returns, of pixels in either range."""

from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule
from torch import nn

from experiments.cli import UserError
from experiments.exporting import ExportedNetwork
from lightning_modules import ClassifierModule, SegmentationModule, SOIDNModule, TripletModule
from lightning_modules.networks import (
    SOIDN,
    AveragePoolHead,
    CasiaNetTrunk,
    FaceNet,
    FCN8s,
    Normalize,
    PooledHead,
    SharedSOIDN,
    VGG16Trunk,
)

IMAGES = torch.randint(256, (3, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
MADE: Any = {
    "image": IMAGES,
    "mask": None,
    "identity": torch.zeros(3),
    "index": torch.arange(3),
    "name": ["a", "b", "c"],
}


def segmenter() -> FCN8s:
    return FCN8s(0.125, fully_connected_dim=8, dropout=0.5)


def soidn() -> SOIDN:
    return SOIDN(VGG16Trunk(0.125), segmenter(), PooledHead, 32)


def casia_net() -> FaceNet:
    return FaceNet(CasiaNetTrunk(0.125), AveragePoolHead, 32, in_channels=1)


def modules() -> dict[str, LightningModule]:
    torch.manual_seed(0)
    grey = Normalize([127.5], [127.5], grey=True)
    made: dict[str, LightningModule] = {
        "soidn": SOIDNModule(soidn(), 3),
        "shared": SOIDNModule(SharedSOIDN(VGG16Trunk(0.125), PooledHead, 32), 3),
        "classifier": ClassifierModule(casia_net(), 3, normalize=grey),
        "triplet": TripletModule(casia_net(), 3, normalize=grey),
        "triplet of a soidn": TripletModule(soidn(), 3),
        "os": SegmentationModule(segmenter()),
        "compiled": ClassifierModule(casia_net(), 3, normalize=grey, compiled={"backend": "inductor"}),
    }
    return made


@pytest.mark.parametrize(("pixel_range", "scale"), [("0-255", 1.0), ("0-1", 255.0)])
@pytest.mark.parametrize("name", ["soidn", "shared", "classifier", "triplet", "triplet of a soidn", "os"])
def test_outputs_are_the_modules(name: str, pixel_range: str, scale: float) -> None:
    module: Any = modules()[name].eval()
    network = ExportedNetwork(module, pixel_range)
    with torch.no_grad():
        said = module.test_step(MADE, 0)
        outputs = dict(zip(network.outputs, network(IMAGES / scale), strict=True))
    assert outputs.keys() == {{"segmentation": "occluder_probability"}.get(k, k) for k in said if k != "deep_response"}
    if "embedding" in said:
        torch.testing.assert_close(outputs["embedding"], said["embedding"])
    if "segmentation" in said:
        assert torch.equal(outputs["occluder_probability"] > 0.5, said["segmentation"].bool())


def test_what_is_compiled_for_training_is_exported_as_it_is() -> None:
    with torch.no_grad():
        plain, compiled = (ExportedNetwork(modules()[name].eval(), "0-255") for name in ("classifier", "compiled"))
        plain.load_state_dict(compiled.state_dict())
        assert torch.equal(plain(IMAGES.float())[0], compiled(IMAGES.float())[0])


def test_refuses_a_module_that_makes_nothing() -> None:
    class Silent(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = nn.Flatten()

    with pytest.raises(UserError, match="a module that embeds or segments faces, got Silent"):
        ExportedNetwork(Silent(), "0-255")

"""Networks as ONNX files: any number of images, and onnxruntime agrees or there is none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from experiments.cli import UserError
from experiments.exporting import ExportedNetwork, check_agreement, onnx_writing, write_onnx
from lightning_modules import ClassifierModule, SegmentationModule, SOIDNModule, TripletModule
from lightning_modules.networks import (
    SOIDN,
    AveragePoolHead,
    CasiaNetTrunk,
    FaceNet,
    FCN8s,
    IResNetTrunk,
    Normalize,
    PooledHead,
    SharedSOIDN,
    SMPSegmenter,
    TimmTrunk,
    VGG16Trunk,
)

SIZE = 36
"""Odd when it was halved twice, and no multiple of 32."""


def fcn8s() -> FCN8s:
    return FCN8s(0.125, fully_connected_dim=8, dropout=0.5)


def soidn(*positions: int, **settings: str) -> SOIDNModule:
    network = SOIDN(VGG16Trunk(0.125, batch_norm=True), fcn8s(), PooledHead, SIZE, positions or "top", **settings)  # type: ignore[arg-type]  # as YAML gives them
    return SOIDNModule(network, 3)


def grey(kind: type[ClassifierModule | TripletModule]) -> ClassifierModule | TripletModule:
    network = FaceNet(CasiaNetTrunk(0.125), AveragePoolHead, SIZE, in_channels=1)
    return kind(network, 3, normalize=Normalize([100.0], [50.0], grey=True))


def shared(**settings: Any) -> SOIDNModule:
    return SOIDNModule(SharedSOIDN(VGG16Trunk(0.125, batch_norm=True), PooledHead, SIZE, **settings), 3)


def timm_soidn() -> SOIDNModule:
    return SOIDNModule(SOIDN(TimmTrunk("resnet10t"), SMPSegmenter("Unet", "resnet18"), PooledHead, SIZE), 3)


QUICK: dict[str, Callable[[], nn.Module]] = {"classifier": lambda: grey(ClassifierModule)}
SLOW: dict[str, Callable[[], nn.Module]] = {
    "soidn": soidn,
    "shared": shared,
    "shared, two passes": lambda: shared(mask_positions=[0, 3], mask_source="scores", second_pass=True),
    "triplet": lambda: grey(TripletModule),
    "os": lambda: SegmentationModule(fcn8s()),
    "soidn of scores": lambda: soidn(0, 2, mask_source="scores"),
    "timm and smp": timm_soidn,
    "timm": lambda: ClassifierModule(FaceNet(TimmTrunk("resnet10t"), PooledHead, SIZE), 3),
    "iresnet": lambda: ClassifierModule(FaceNet(IResNetTrunk(18, 0.125), PooledHead, SIZE), 3),
    "smp": lambda: SegmentationModule(SMPSegmenter("DeepLabV3Plus", "resnet18")),
}


def written(module: nn.Module, path: Path) -> ExportedNetwork:
    network = ExportedNetwork(module.eval(), "0-255")  # type: ignore[arg-type]  # they are
    write_onnx(network, SIZE, path, {"pixel_range": "0-255"})
    return network


@pytest.mark.parametrize(
    "make",
    [*QUICK.values(), *(pytest.param(one, marks=pytest.mark.slow) for one in SLOW.values())],
    ids=[*QUICK, *SLOW],
)
def test_onnxruntime_gives_what_torch_gives_for_any_number_of_images(
    make: Callable[[], nn.Module], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    network = written(make(), tmp_path / "net.onnx")
    assert check_agreement(network, SIZE, tmp_path / "net.onnx") <= 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    for number in (1, 2, 7):
        images = torch.rand(number, 3, SIZE, SIZE) * 255
        with torch.no_grad():
            expected = network(images)
        for one, other in zip(session.run(network.outputs, {"images": images.numpy()}), expected, strict=True):
            torch.testing.assert_close(torch.from_numpy(one), other, atol=1e-4, rtol=1e-4)
    assert [output.name for output in session.get_outputs()] == network.outputs
    assert session.get_modelmeta().custom_metadata_map["pixel_range"] == "0-255"
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    assert "".join(capfd.readouterr()) == ""


@pytest.fixture
def net(tmp_path: Path) -> tuple[ExportedNetwork, Path]:
    """A small network in a file, written without torch's slow exporter."""
    torch.manual_seed(0)
    network = ExportedNetwork(ClassifierModule(Flat(), 3).eval(), "0-255")  # type: ignore[arg-type]  # embeds alike
    write_onnx(network, 8, tmp_path / "net.onnx", {})
    return network, tmp_path / "net.onnx"


class Flat(nn.Module):
    """Embeds an image as four weighted sums of its pixels."""

    embedding_dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * 8 * 8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.linear(x.flatten(1))
        return out


def test_a_file_that_does_not_agree_is_refused(net: tuple[ExportedNetwork, Path]) -> None:
    network, path = net
    with torch.no_grad():
        network.network.linear.bias[2] += 0.01  # type: ignore[union-attr, index, operator]  # as above
    with pytest.raises(
        UserError, match=r"onnxruntime's embedding of 1 images to agree with torch's to 0.0001, got 0.0"
    ):
        check_agreement(network, 8, path)


def test_a_file_that_cannot_be_run_is_refused_in_one_line(net: tuple[ExportedNetwork, Path]) -> None:
    network, path = net
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"Expected an ONNX file, got .*net\.onnx: ") as refused:
        check_agreement(network, 8, path)
    assert "\n" not in str(refused.value)


def test_weights_that_fit_into_no_file_lie_beside_it(
    net: tuple[ExportedNetwork, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, path = net
    monkeypatch.setattr(onnx_writing, "LARGEST_FILE", 100)
    write_onnx(network, 8, path, {})
    assert sorted(one.name for one in path.parent.iterdir()) == ["net.onnx", "net.onnx.data"]
    assert all(info.value in ("net.onnx.data",) for info in places(path))
    assert check_agreement(network, 8, path) <= 1e-4


def places(path: Path) -> list[onnx.StringStringEntryProto]:
    model = onnx.load(path, load_external_data=False)
    entries = [entry for tensor in model.graph.initializer for entry in tensor.external_data if entry.key == "location"]
    assert entries
    return entries


def test_a_network_that_torch_cannot_write_is_refused_in_one_line(tmp_path: Path) -> None:
    class Deciding(Flat):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x if float(x.sum()) > 0 else -x)

    network = ExportedNetwork(ClassifierModule(Deciding(), 3).eval(), "0-255")  # type: ignore[arg-type]  # as above
    with pytest.raises(UserError, match="Expected a network that torch can write as ONNX, got ") as refused:
        write_onnx(network, 8, tmp_path / "net.onnx", {})
    assert "\n" not in str(refused.value)

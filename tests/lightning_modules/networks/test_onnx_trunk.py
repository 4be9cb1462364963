"""A network from ONNX computes what onnxruntime does, for any number of images, and all of its weights are trained."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from lightning_modules import ClassifierModule, SOIDNModule, TripletModule
from lightning_modules.networks import (
    SOIDN,
    FaceNet,
    FCN8s,
    IResNetHead,
    IResNetTrunk,
    Normalize,
    OnnxHead,
    OnnxTrunk,
    PooledHead,
    unused_parameters,
)
from tests.helpers.onnx_faces import OnnxFile, face_file

REAL = Path(__file__).parents[4] / "shared/models/face_recognition_sface_2021dec.onnx"


def onnx_net(path: Path, side: int = 32, **settings: Any) -> FaceNet:
    return FaceNet(OnnxTrunk(str(path), **settings), partial(OnnxHead, path=str(path), **settings), side)


def by_onnxruntime(path: Path, images: Tensor, output: str | None = None) -> Tensor:
    """One image after the other, as a file with a fixed batch of 1 takes them."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    asked = None if output is None else [output]
    return torch.cat([torch.from_numpy(session.run(asked, {name: image[None].numpy()})[0]) for image in images])


def assert_same_embeddings(network: nn.Module, path: Path, images: Tensor, output: str | None = None) -> None:
    expected = by_onnxruntime(path, images, output)
    assert_close(network.eval()(images), expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("opset", [8, 11, 17, 20])
@pytest.mark.parametrize("flatten", ["Reshape", "Flatten", "Average"])
def test_a_file_of_one_image_takes_any_number(flatten: str, opset: int, tmp_path: Path) -> None:
    path = face_file(tmp_path / "face.onnx", flatten=flatten, opset=opset)
    network = onnx_net(path)
    for number in (1, 7):
        assert_same_embeddings(network, path, 255 * torch.rand(number, 3, 32, 32))
    assert network.embedding_dim == 8


def test_stages_end_with_the_last_map_of_each_size(tmp_path: Path) -> None:
    trunk = OnnxTrunk(str(face_file(tmp_path / "face.onnx")))
    assert trunk.ends == ["scaled", "sum", "dropout"]
    assert [tuple(f.shape) for f in trunk.features(torch.zeros(2, 3, 32, 32))] == [
        (2, 3, 32, 32),
        (2, 4, 16, 16),
        (2, 6, 8, 8),
    ]


def test_stages_may_end_elsewhere(tmp_path: Path) -> None:
    path = face_file(tmp_path / "face.onnx")
    ends = ["first_relu", "third_bn"]
    network = FaceNet(OnnxTrunk(str(path), ends=ends), partial(OnnxHead, path=str(path), after="third_bn"), 32)
    assert_same_embeddings(network, path, 255 * torch.rand(3, 3, 32, 32))


def test_open_sizes_are_given(tmp_path: Path) -> None:
    path = face_file(tmp_path / "face.onnx", images="N", side="side", flatten="Flatten")
    assert_same_embeddings(onnx_net(path, image_size=32), path, 255 * torch.rand(3, 3, 32, 32))


def test_the_embedding_is_named_among_several_outputs(tmp_path: Path) -> None:
    file = OnnxFile([1, 3, 16, 16])
    y = file.block("only", "data", 3, 4)
    y = file.node("Flatten", "flat", y)
    file.node("MatMul", "embedding", y, file.weight("matrix", 256, 8))
    file.node("ReduceL2", "norm", "embedding", axes=[1])
    path = file.save(tmp_path / "face.onnx", {"norm": [1, 1], "embedding": [1, 8]})
    network = FaceNet(OnnxTrunk(str(path)), partial(OnnxHead, path=str(path), output="embedding"), 16)
    assert_same_embeddings(network, path, torch.randn(3, 3, 16, 16), "embedding")
    assert "head.rest.initializers.onnx_initializer_0" in dict(network.named_parameters())  # of MatMul


@pytest.mark.parametrize("dynamic", [False, True])
def test_what_torch_writes_is_read(dynamic: bool, tmp_path: Path) -> None:
    path, number = tmp_path / "iresnet.onnx", torch.export.Dim("batch", min=1, max=64)
    source = FaceNet(IResNetTrunk(18, 0.125), partial(IResNetHead, embedding_dim=16), 32).eval()
    shapes = ({0: number},) if dynamic else None
    program = torch.onnx.export(
        source, (torch.randn(2 if dynamic else 1, 3, 32, 32),), dynamo=True, dynamic_shapes=shapes, verbose=False
    )
    assert program is not None
    program.save(str(path))
    network, images = onnx_net(path), torch.randn(5, 3, 32, 32)
    assert_same_embeddings(network, path, images)
    assert_close(network(images), source(images), rtol=1e-4, atol=1e-4)


def test_every_weight_is_trained_and_the_pixels_range_is_not(tmp_path: Path) -> None:
    network = onnx_net(face_file(tmp_path / "face.onnx"))
    images = 255 * torch.rand(4, 3, 32, 32)
    assert unused_parameters(network, lambda: network(images)) == []
    network.train()(images).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())
    assert sum(p.shape[1:] == (1, 1) for p in network.parameters()) == 3  # slopes of PReLU
    assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == 3
    constants = {float(b) for n, b in network.named_buffers() if "initializer" in n and b.is_floating_point()}
    assert constants == {127.5, np.float32(1 / 128)}


def test_batch_normalisation_normalises_by_the_batch_in_training(tmp_path: Path) -> None:
    network, images = onnx_net(face_file(tmp_path / "face.onnx")), 255 * torch.rand(8, 3, 32, 32)
    last = network.train()(images)
    weights = dict(network.head.get_submodule("rest.embedding").named_parameters())
    assert_close((last.mean(0), last.std(0, correction=0)), (weights["bias"], weights["weight"]), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("positions", ["top", [0, 1, 2, 3]])
def test_masks_act_at_its_stages(positions: Any, tmp_path: Path) -> None:
    path, segmenter = str(face_file(tmp_path / "face.onnx")), FCN8s(0.125, fully_connected_dim=16)
    network = SOIDN(OnnxTrunk(path), segmenter, partial(OnnxHead, path=path), 32, positions, mask_source="scores")
    output = network(255 * torch.rand(2, 3, 32, 32))
    assert output.embedding.shape == (2, 8)
    assert [mask.shape[2] for mask in output.masks] == ([32, 32, 16, 8] if positions != "top" else [8])


@pytest.mark.parametrize("make", [ClassifierModule, SOIDNModule, TripletModule])
def test_modules_start_from_it_and_their_checkpoints_return(make: type, tmp_path: Path) -> None:
    path = face_file(tmp_path / "face.onnx")

    def module() -> Any:
        if make is SOIDNModule:
            head = partial(OnnxHead, path=str(path))
            network: nn.Module = SOIDN(OnnxTrunk(str(path)), FCN8s(0.125), head, 32, mask_source="scores")
        else:
            network = onnx_net(path)
        return make(network, 3, normalize=Normalize([0.0] * 3, [1.0] * 3))

    trained, images = module().eval(), torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    assert trained.origin == "the weights in face.onnx"
    with torch.no_grad():
        for weight in trained.parameters():
            weight.add_(torch.rand_like(weight) / 10)
    torch.save(trained.state_dict(), tmp_path / "last.ckpt")
    restored = module().eval()
    restored.load_state_dict(torch.load(tmp_path / "last.ckpt", weights_only=True))
    assert torch.equal(restored(images), trained(images))


def test_its_pixels_have_to_be_declared(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"`normalize` with .*face\.onnx, which does not say its pixels' range, got none"
    ):
        ClassifierModule(onnx_net(face_file(tmp_path / "face.onnx")), 3)


def test_pixels_that_a_file_declares_are_its_own(tmp_path: Path) -> None:
    import onnx

    path = face_file(tmp_path / "face.onnx")
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"pixel_range": "0-1", "channel_order": "RGB"})
    onnx.save(model, path)
    module = ClassifierModule(onnx_net(path), 3)
    assert module.normalize.extra_repr() == "mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0], grey=False"
    with pytest.raises(ValueError, match=r"declares pixels of 0-1, got mean=\[127.5"):
        ClassifierModule(onnx_net(path), 3, normalize=Normalize())


def saved(make: Callable[[OnnxFile], object], images: Iterable[int | str], outputs: dict[str, list[int | str]]) -> Any:
    def save(folder: Path) -> Path:
        file = OnnxFile(list(images))
        make(file)
        return file.save(folder / "face.onnx", outputs)

    return save


def unknown(file: OnnxFile) -> None:
    file.node("ThresholdedRelu", "map", file.block("only", "data", 3, 4))
    file.node("Flatten", "embedding", "map")


def flat(file: OnnxFile) -> None:
    file.node("Flatten", "embedding", "data")


def fixed(file: OnnxFile) -> None:
    """A number of images that nobody can free: it is in a sum of its own shape."""
    y = file.node("Flatten", "flat", file.block("only", "data", 3, 4))
    file.node("Concat", "embedding", y, file.weight("rows", 1, 256), axis=0)


def written(content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "face.onnx").write_bytes(content)
        return folder / "face.onnx"

    return write


ONE = [1, 3, 16, 16]
FACE = lambda folder: face_file(folder / "face.onnx")  # noqa: E731  one of a table's entries


@pytest.mark.parametrize(
    ("save", "settings", "message"),
    [
        (lambda folder: folder / "none.onnx", {}, "an ONNX file at .*none.onnx, got no such file"),
        (written(b"<html>"), {}, "an ONNX file at .*, got a web page"),
        (written(b"\x80\x02}q\x00."), {}, "an ONNX file, got .*face.onnx: "),
        (saved(unknown, ONE, {"embedding": [1, 256]}), {}, "that onnx2torch converts, got .*ThresholdedRelu"),
        (
            saved(flat, ONE, {"embedding": [1, 768]}),
            {},
            r"feature maps \(B, C, H, W\) that all of .* passes, got none$",
        ),
        (
            saved(flat, [1, 16, 16, 3], {"embedding": [1, 768]}),
            {},
            r"images \(B, C, H, W\), got .*data \(1, 16, 16, 3\)",
        ),
        (saved(flat, ONE, {"embedding": [1, 2, 3]}), {}, r"embeddings \(B, D\), got .*embedding \(1, 2, 3\)"),
        (
            saved(fixed, ONE, {"embedding": [2, 256]}),
            {},
            r"Expected \(4, 256\) of 2 images from only_relu to embedding",
        ),
        (FACE, {"ends": ["second_relu"]}, "what all of .* passes, such as scaled, sum, dropout, got 'second_relu'"),
        (FACE, {"ends": ["dropout", "sum"]}, r"in the order of .*, got \['dropout', 'sum'\]"),
        (
            lambda folder: face_file(folder / "face.onnx", side="side", flatten="Flatten"),
            {},
            "got none; set `image_size`, which it leaves open",
        ),
    ],
)
def test_refuses_in_one_line(
    save: Callable[[Path], Path], settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = str(save(tmp_path))
    with pytest.raises(ValueError, match=message) as refused:
        FaceNet(OnnxTrunk(path, **settings), partial(OnnxHead, path=path), 16)
    assert "\n" not in str(refused.value)


def test_a_head_refuses_other_features(tmp_path: Path) -> None:
    path = str(face_file(tmp_path / "face.onnx"))
    with pytest.raises(
        ValueError, match=r"\(C, H, W\) = \(6, 8, 8\) for what follows 'dropout' in .*, got \(6, 4, 4\)"
    ):
        FaceNet(OnnxTrunk(path), partial(OnnxHead, path=path), 16)
    with pytest.raises(ValueError, match=r"an output 'other', got .*embedding"):
        OnnxHead((6, 8, 8), path, output="other")


def test_its_trunk_takes_other_sizes_with_another_head(tmp_path: Path) -> None:
    network = FaceNet(OnnxTrunk(str(face_file(tmp_path / "face.onnx"))), PooledHead, 64)
    assert network.feature_shape == (6, 16, 16)


@pytest.mark.skipif(not REAL.exists(), reason="needs the public recogniser beside the repository")
def test_a_public_recogniser() -> None:
    network, images = onnx_net(REAL, 112), 255 * torch.rand(3, 3, 112, 112)
    assert_same_embeddings(network, REAL, images)
    assert [tuple(f.shape[1:]) for f in network.trunk.features(images)] == [  # type: ignore[operator]  # of a Trunk
        (64, 112, 112),
        (128, 56, 56),
        (256, 28, 28),
        (512, 14, 14),
        (1024, 7, 7),
    ]
    network.train()(images).square().sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())

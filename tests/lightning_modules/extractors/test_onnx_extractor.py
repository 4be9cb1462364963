"""ONNX files as people have them: what they fix is kept to, what they return is told apart, what fails is a line."""

from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor

from lightning_modules.extractors import Extractor, OnnxExtractor
from lightning_modules.networks import Normalize
from tests.helpers.onnx_files import Means, write_graph, write_means

OPEN = ("N", 3, "H", "W")
LAST = {"shape": ("N", 8, 8, 3), "channels_last": True}


@pytest.fixture
def images() -> Tensor:
    return torch.randint(256, (5, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


def expected(images: Tensor, **settings: Any) -> Tensor:
    found: Tensor = Extractor(Means(), image_size=8, **settings)(images)
    return found


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("shape", "fixed"),
    [
        (OPEN, (None, 8)),
        (("N", 3, 8, 8), (None, 8)),
        ((1, 3, 8, 8), (1, 8)),
        ((2, 3, 8, 8), (2, 8)),
        ((8, *OPEN[1:]), (8, 8)),
    ],
)
def test_what_a_file_fixes_is_kept_to_and_need_not_be_given(
    shape: Any, fixed: Any, threads: int, images: Tensor, net: Path
) -> None:
    size = 8 if shape[2] == "H" else None
    extractor = OnnxExtractor(write_means(net, shape), image_size=size, flip=True)
    extractor.threads = threads
    assert (extractor.batch_size, extractor.image_size) == fixed
    torch.testing.assert_close(extractor(images), expected(images, flip=True))


def test_threads_share_a_batch_and_keep_its_order(images: Tensor, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = OnnxExtractor(write_means(net))
    extractor.threads, run, seen = 3, extractor.network.forward, []

    def counting(x: Tensor) -> dict[str, Tensor]:
        seen.append(len(x))
        return run(x)

    monkeypatch.setattr(extractor.network, "forward", counting)
    torch.testing.assert_close(extractor(images), expected(images))
    assert sorted(seen) == [1, 2, 2]


@pytest.mark.parametrize(
    ("written", "settings"),
    [
        (LAST, {}),
        ({**LAST, "shape": (1, 8, 8, 3)}, {}),
        ({**LAST, "shape": ("N", "H", "W", "C")}, {"channels_last": True, "image_size": 8}),
        ({"shape": ("N", "C", "H", "W")}, {"image_size": 8}),
        ({"shape": ("N", 3, 8, 8)}, {"channels_last": False}),
    ],
)
def test_channels_may_come_last(written: Any, settings: Any, images: Tensor, net: Path) -> None:
    torch.testing.assert_close(OnnxExtractor(write_means(net, **written), **settings)(images), expected(images))


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_a_file_gets_the_type_that_it_takes(kind: int, images: Tensor, net: Path) -> None:
    extractor = OnnxExtractor(write_means(net, kind=kind))
    torch.testing.assert_close(extractor(images), expected(images), atol=1e-3, rtol=0)


def test_a_norm_beside_the_embedding_is_its_quality(images: Tensor, net: Path) -> None:
    extractor = OnnxExtractor(write_means(net, outputs=["map", "norm", "fc1"]))
    said = extractor.predict_step({"image": images}, 0)  # type: ignore[typeddict-item]  # all it reads
    torch.testing.assert_close(said["embedding"], expected(images))
    torch.testing.assert_close(said["quality"], expected(images).norm(dim=1))


def test_of_several_embeddings_one_is_named(images: Tensor, net: Path) -> None:
    path = write_means(net, outputs=["two", "fc1"])
    torch.testing.assert_close(OnnxExtractor(path, output="fc1")(images), expected(images))
    torch.testing.assert_close(OnnxExtractor(path, output="two")(images), expected(images)[:, :2])
    with pytest.raises(ValueError, match=r"`output` to name the embedding .*two \(2, 2\), fc1 \(2, 6\), got none"):
        OnnxExtractor(path)
    with pytest.raises(ValueError, match=r"`output` \(B, D\) among those of .*net.onnx, .*, got '1333'"):
        OnnxExtractor(path, output=1333)


def test_one_channel_is_grey_without_being_told(images: Tensor, net: Path) -> None:
    path = write_means(net, ("N", 1, 8, 8))
    grey = Normalize([127.5], [127.5], grey=True)
    torch.testing.assert_close(OnnxExtractor(path)(images), expected(images, normalize=grey))
    with pytest.raises(ValueError, match=r"images of 1 channel\(s\) for .*, got 3 from `normalize`"):
        OnnxExtractor(path, normalize=Normalize())


@pytest.mark.parametrize(("pixels", "scale"), [("0-255", 1.0), ("0-1", 255.0)])
def test_pixels_that_a_file_declares_are_kept_to(pixels: str, scale: float, images: Tensor, net: Path) -> None:
    path = write_means(net, declared={"pixel_range": pixels, "channel_order": "RGB"})
    torch.testing.assert_close(OnnxExtractor(path)(images), Means()(images / scale))
    with pytest.raises(ValueError, match=f"`normalize` of mean=.*, as .* declares pixels of {pixels}, got mean="):
        OnnxExtractor(path, normalize=Normalize())
    with pytest.raises(ValueError, match=r"`bgr` of false, as .* declares RGB, got true"):
        OnnxExtractor(path, bgr=True)


def test_providers_are_named_and_shown(images: Tensor, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_means(net, (1, 3, 8, 8))
    extractor = OnnxExtractor(path, providers=["CPUExecutionProvider"])
    assert extractor.describe().endswith("; batches of 1; CPUExecutionProvider")
    with pytest.raises(ValueError, match=r"^Expected `providers` among .*CPUExecutionProvider.*, got 'CUDA'$"):
        OnnxExtractor(path, providers=["CUDA"])
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    with (
        pytest.warns(UserWarning, match="CUDAExecutionProvider"),
        pytest.raises(
            ValueError, match="`providers` that work here, got 'CUDAExecutionProvider': onnxruntime could not start it"
        ),
    ):
        OnnxExtractor(path, providers=both)


@pytest.mark.parametrize(
    ("written", "settings", "message"),
    [
        ({"shape": OPEN}, {}, "`image_size`, which .* leaves open, got none"),
        ({"shape": (1, 3, 8, 8)}, {"image_size": 9}, "`image_size` of 8, as .* fixes it, got 9"),
        ({"shape": (2, 3, 8, 8)}, {"batch_size": 3}, "`batch_size` of 2, as .* fixes it, got 3"),
        ({"shape": (1, 3, 8, 9)}, {}, "square images, got .*: 8 × 9"),
        ({"shape": (1, 5, 8, 8)}, {}, r"images \(B, C, H, W\) of 1 or 3 channels, got .*: data \(1, 5, 8, 8\)"),
        (LAST, {"channels_last": False}, r"images \(B, C, H, W\) of 1 or 3 channels, got .*: data \('N', 8, 8, 3\)"),
        ({}, {"channels_last": True}, r"images \(B, H, W, C\) of 1 or 3 channels, got .*: data \('N', 3, 8, 8\)"),
        ({"kind": TensorProto.UINT8}, {}, r"one input of images, float, got .*: data .*tensor\(uint8\)"),
        ({"outputs": ["map"]}, {}, r"embeddings \(B, D\) of .*net\.onnx, got \(2, 3, 8, 8\) for images of shape"),
        ({"outputs": ["map", "norm"]}, {}, r"got map \(2, 3, 8, 8\), norm \(2, 1\) for images of shape"),
    ],
)
def test_refuses_files_that_take_or_give_something_else(written: Any, settings: Any, message: str, net: Path) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        OnnxExtractor(write_means(net, **written), **settings)
    assert "\n" not in str(refused.value)


def test_refuses_several_inputs(net: Path) -> None:
    one, other, both = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, 8, 8]) for name in ("one", "other", "both")
    )
    graph = helper.make_graph([helper.make_node("Add", ["one", "other"], ["both"])], "sum", [one, other], [both])
    with pytest.raises(ValueError, match=r"one input of images, float, got .*: one \('N', 3, 8, 8\) .*, other \("):
        OnnxExtractor(write_graph(net, graph))


@pytest.mark.parametrize("content", [b"text", b"\x08\x09\x12\x00", bytes(range(256))])
def test_refuses_what_is_no_onnx_file_in_one_line(content: bytes, net: Path) -> None:
    net.write_bytes(content)
    with pytest.raises(ValueError, match=r"an ONNX file, got .*net\.onnx: ") as refused:
        OnnxExtractor(str(net))
    assert "\n" not in str(refused.value)


def test_refuses_half_a_file_in_one_line(net: Path) -> None:
    whole = Path(write_means(net)).read_bytes()
    net.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"an ONNX file, got .*net\.onnx: ") as refused:
        OnnxExtractor(str(net))
    assert "\n" not in str(refused.value)


def test_a_real_file_of_a_fixed_batch_gives_what_onnxruntime_gives() -> None:
    path = Path(__file__).parents[4] / "shared/models/face_recognition_sface_2021dec.onnx"
    if not path.is_file():
        pytest.skip("there is none here")
    extractor = OnnxExtractor(str(path), normalize=Normalize([0.0] * 3, [1.0] * 3))
    images = torch.randint(256, (3, 3, 112, 112), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    alone = [session.run(["fc1"], {"data": image[None].float().numpy()})[0] for image in images]
    torch.testing.assert_close(extractor(images), torch.cat([torch.from_numpy(one) for one in alone]))

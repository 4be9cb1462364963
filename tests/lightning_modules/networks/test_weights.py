"""Initial weights: every format round-trips, and what does not fit is named and changes nothing."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from lightning_modules.networks import (
    SOIDN,
    FaceNet,
    FCN8s,
    PooledHead,
    SMPSegmenter,
    TimmTrunk,
    VGG16Head,
    VGG16Trunk,
    imagenet_trunk_weights,
    load_network_weights,
    load_segmenter_weights,
    load_trunk_weights,
    read_state_dict,
)

head = partial(VGG16Head, embedding_dim=16)
Weights = dict[str, Tensor]


def face_net(batch_norm: bool = False) -> FaceNet:
    return FaceNet(VGG16Trunk(0.125, batch_norm), head, 64)


def soidn() -> SOIDN:
    return SOIDN(VGG16Trunk(0.125), FCN8s(0.125), head, 64)


def as_vgg_face(net: nn.Module) -> Weights:
    """conv1_1.weight … fc7.bias, fc8.*; fc6 as a convolution."""
    weights = {".".join(name.split(".")[-2:]): t for name, t in net.state_dict().items()}
    weights["fc6.weight"] = weights["fc6.weight"].reshape(16, 64, 2, 2)
    return {**weights, "fc8.weight": torch.zeros(5, 16)}


def as_torchvision(net: nn.Module, batch_norm: bool) -> Weights:
    """Names from torchvision's own model, in its order."""
    from torchvision.models import vgg16, vgg16_bn

    with torch.device("meta"):
        names = list((vgg16_bn if batch_norm else vgg16)(weights=None).state_dict())
    weights = dict(zip(names, net.state_dict().values(), strict=False))
    return {**weights, "classifier.6.weight": torch.zeros(5, 16)}


def as_checkpoint(net: nn.Module) -> dict[str, Weights]:
    weights = {f"network.{name}": t for name, t in net.state_dict().items()}
    return {"state_dict": {**weights, "classifier.weight": torch.zeros(5, 16)}}


def assert_same_network(loaded: nn.Module, source: nn.Module) -> None:
    for part in ("trunk", "head"):
        assert_close(loaded.get_submodule(part).state_dict(), source.get_submodule(part).state_dict())


def test_vgg_face_round_trip(tmp_path: Path) -> None:
    source, net = face_net(), face_net()
    torch.save(as_vgg_face(source), tmp_path / "vgg_face.pth")
    said = load_trunk_weights(net, tmp_path / "vgg_face.pth")
    assert said == "VGG-Face weights from vgg_face.pth: trunk (26 tensors), head (4 tensors)"
    assert_same_network(net, source)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_torchvision_round_trip(batch_norm: bool, tmp_path: Path) -> None:
    source, net = face_net(batch_norm), face_net(batch_norm)
    torch.save(as_torchvision(source, batch_norm), tmp_path / "vgg16.pth")
    assert load_trunk_weights(net, tmp_path / "vgg16.pth").startswith("torchvision VGG16 weights")
    assert_same_network(net, source)


def test_old_batch_norm_files_lack_the_batch_count(tmp_path: Path) -> None:
    source, net = face_net(batch_norm=True), face_net(batch_norm=True)
    weights = {n: t for n, t in as_torchvision(source, True).items() if "num_batches" not in n}
    torch.save(weights, tmp_path / "vgg16.pth")
    load_trunk_weights(net, tmp_path / "vgg16.pth")
    assert_same_network(net, source)


def test_checkpoint_of_the_trunk_starts_soidn(tmp_path: Path) -> None:
    source, net = face_net(), soidn()
    torch.save(as_checkpoint(source), tmp_path / "last.ckpt")
    said = load_trunk_weights(net, tmp_path / "last.ckpt")
    assert said.endswith("trunk (26 tensors), head (4 tensors), segmenter encoder (26 tensors)")
    assert_same_network(net, source)
    assert_close(net.segmenter.get_submodule("encoder").state_dict(), source.trunk.state_dict())


def test_checkpoint_of_any_head(tmp_path: Path) -> None:
    source, net = (FaceNet(VGG16Trunk(0.125), PooledHead, 32) for _ in range(2))
    torch.save(as_checkpoint(source), tmp_path / "last.ckpt")
    load_trunk_weights(net, tmp_path / "last.ckpt")
    assert_same_network(net, source)


def test_safetensors(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    source, net = face_net(), face_net()
    save_file({n: t.contiguous() for n, t in as_vgg_face(source).items()}, tmp_path / "vgg_face.safetensors")
    load_trunk_weights(net, tmp_path / "vgg_face.safetensors")
    assert_same_network(net, source)


def test_segmenter_alone_takes_the_trunk(tmp_path: Path) -> None:
    source, net = face_net(), FCN8s(0.125)
    torch.save(as_vgg_face(source), tmp_path / "vgg_face.pth")
    assert load_trunk_weights(net, tmp_path / "vgg_face.pth").endswith(": trunk (26 tensors)")
    assert_close(net.encoder.state_dict(), source.trunk.state_dict())


def test_foreign_heads_are_left_alone(tmp_path: Path) -> None:
    torch.save(as_vgg_face(face_net()), tmp_path / "vgg_face.pth")
    pooled = FaceNet(VGG16Trunk(0.125), PooledHead, 64)
    assert "head" not in load_trunk_weights(pooled, tmp_path / "vgg_face.pth")
    assert "head" not in load_trunk_weights(face_net(), tmp_path / "vgg_face.pth", head=False)


def test_other_segmenters_keep_their_weights(tmp_path: Path) -> None:
    torch.save(as_vgg_face(face_net()), tmp_path / "vgg_face.pth")
    net = SOIDN(VGG16Trunk(0.125), FCN8s(0.25), head, 64)
    assert "segmenter" not in load_trunk_weights(net, tmp_path / "vgg_face.pth")
    net = SOIDN(VGG16Trunk(0.125), SMPSegmenter("Unet"), head, 64)
    assert "segmenter" not in load_trunk_weights(net, tmp_path / "vgg_face.pth")


def test_mismatch_names_the_key_and_both_shapes_and_changes_nothing(tmp_path: Path) -> None:
    torch.save(as_vgg_face(face_net()), tmp_path / "vgg_face.pth")
    net = FaceNet(VGG16Trunk(0.125), partial(VGG16Head, embedding_dim=16, hidden_dim=8), 64)
    before = {n: t.clone() for n, t in net.state_dict().items()}
    expected = r"`head.fc6.weight` of the network: \(8, 256\), got in \S+: \(16, 256\)"
    with pytest.raises(ValueError, match=expected):
        load_trunk_weights(net, tmp_path / "vgg_face.pth")
    assert_close(net.state_dict(), before)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (lambda: face_net(batch_norm=True), r"`trunk.stages.0.bn1_1.weight` .*: \(8,\), got in \S+: no such"),
        (lambda: FaceNet(TimmTrunk("resnet10t"), PooledHead, 64), r"got in \S+: no such weight"),
        (lambda: nn.Linear(2, 2), "network with a `trunk` or an `encoder`, got Linear"),
    ],
)
def test_refuses_other_networks(net: Callable[[], nn.Module], message: str, tmp_path: Path) -> None:
    torch.save(as_vgg_face(face_net()), tmp_path / "vgg_face.pth")
    with pytest.raises(ValueError, match=message):
        load_trunk_weights(net(), tmp_path / "vgg_face.pth")


def test_refuses_batch_norm_files_for_a_plain_trunk(tmp_path: Path) -> None:
    torch.save(as_torchvision(face_net(True), True), tmp_path / "vgg16.pth")
    with pytest.raises(ValueError, match=r"of the network: no such weight, got in \S+\.\w+: "):
        load_trunk_weights(face_net(), tmp_path / "vgg16.pth")


@pytest.mark.parametrize("make", [face_net, soidn])
def test_a_whole_network_is_loaded_without_the_classifier(make: Callable[[], nn.Module], tmp_path: Path) -> None:
    trained, fresh = make(), make()
    state = {f"network.{name}": t for name, t in trained.state_dict().items()}
    torch.save({"state_dict": state | {"classifier.1.weight": torch.zeros(3, 16)}}, tmp_path / "a.ckpt")
    number = len(trained.state_dict())
    assert (
        load_network_weights(fresh, tmp_path / "a.ckpt")
        == f"checkpoint weights from a.ckpt: network ({number} tensors)"
    )
    for name, tensor in trained.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], tensor)


def test_a_whole_network_refuses_the_first_mismatch_and_changes_nothing(tmp_path: Path) -> None:
    state = {f"network.{name}": t for name, t in face_net().state_dict().items()}
    torch.save(state | {"network.trunk.extra": torch.zeros(1)}, tmp_path / "a.ckpt")
    fresh = face_net()
    before = {name: t.clone() for name, t in fresh.state_dict().items()}
    with pytest.raises(ValueError, match=r"`network\.trunk\.extra` of the network: no such weight, got in \S+: \(1,\)"):
        load_network_weights(fresh, tmp_path / "a.ckpt")
    torch.save({k: t for k, t in state.items() if "head" not in k}, tmp_path / "b.ckpt")
    with pytest.raises(ValueError, match=r"`network\.head\..*: \(.*\), got in \S+: no such weight"):
        load_network_weights(fresh, tmp_path / "b.ckpt")
    assert all(torch.equal(t, before[name]) for name, t in fresh.state_dict().items())


def test_a_whole_network_needs_a_checkpoint_of_this_suite(tmp_path: Path) -> None:
    torch.save(as_vgg_face(face_net()), tmp_path / "vgg.pth")
    with pytest.raises(ValueError, match=r"checkpoint of this suite, with `network\.…`, got 'conv1_1.weight' in "):
        load_network_weights(face_net(), tmp_path / "vgg.pth")


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_refuses_weights_that_are_not_finite(bad: float, tmp_path: Path) -> None:
    state = {f"network.{name}": t.clone() for name, t in face_net().state_dict().items()}
    name = [name for name in state if "trunk" in name][3]
    state[name].flatten()[0] = bad
    torch.save(state, tmp_path / "a.ckpt")
    short = name.removeprefix("network.").replace(".", r"\.")
    for load in (load_trunk_weights, load_network_weights):
        with pytest.raises(ValueError, match=rf"NaN or infinity in `.*{short}` of \S+"):
            load(face_net(), tmp_path / "a.ckpt")


def test_refuses_unknown_names(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"conv1_1\.weight \(VGG-Face\).*got a, …"):
        load_trunk_weights(face_net(), tmp_path / "a.pth")


@pytest.mark.parametrize("source", [FCN8s(0.125), soidn()])
def test_segmenter_checkpoints(source: nn.Module, tmp_path: Path) -> None:
    net = soidn()
    torch.save(as_checkpoint(source), tmp_path / "os.ckpt")
    assert load_segmenter_weights(net, tmp_path / "os.ckpt").endswith("segmenter (39 tensors)")
    assert_close(net.segmenter.state_dict(), getattr(source, "segmenter", source).state_dict())


def test_refuses_a_segmenter_from_a_face_network(tmp_path: Path) -> None:
    torch.save(as_checkpoint(face_net()), tmp_path / "last.ckpt")
    with pytest.raises(ValueError, match=r"a segmenter's weights, got network\.trunk"):
        load_segmenter_weights(soidn(), tmp_path / "last.ckpt")


class Code:
    """What a file with code in it would run."""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"not a checkpoint", "readable weights file", id="garbage"),
        pytest.param(b"", "readable weights file", id="empty"),
    ],
)
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_refuses_unreadable_files_in_one_line(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as refusal:
        read_state_dict(tmp_path / name)
    assert "\n" not in str(refusal.value)


def test_never_runs_code(tmp_path: Path) -> None:
    torch.save({"a": Code()}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="readable weights file"):
        read_state_dict(tmp_path / "a.pth")


def test_refuses_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got no such file"):
        read_state_dict(tmp_path / "none.pth")


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {"state_dict": {}}])
def test_refuses_files_without_tensors(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="Expected named tensors"):
        read_state_dict(tmp_path / "a.pth")


def test_imagenet_weights_load_and_failures_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import VGG16_Weights

    source, net = face_net(), face_net()
    before = {n: t.clone() for n, t in net.head.state_dict().items()}
    monkeypatch.setattr(VGG16_Weights, "get_state_dict", lambda *_args, **_settings: as_torchvision(source, False))
    assert imagenet_trunk_weights(net) == "ImageNet weights from torchvision: trunk (26 tensors)"
    assert_close(net.trunk.state_dict(), source.trunk.state_dict())
    assert_close(net.head.state_dict(), before)

    def fail(*_args: object, **_settings: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(VGG16_Weights, "get_state_dict", fail)
    with pytest.raises(RuntimeError, match=r"Expected to download https.*got OSError: no network"):
        imagenet_trunk_weights(net)

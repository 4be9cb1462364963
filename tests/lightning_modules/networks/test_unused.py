"""What no output depends on is cut, or frozen; outputs and checkpoints stay what they were."""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lightning_modules.networks import (
    FaceNet,
    PooledHead,
    SMPSegmenter,
    TimmTrunk,
    load_network_weights,
    load_trunk_weights,
    unused_parameters,
)
from lightning_modules.networks import smp_segmenter as smp_module
from lightning_modules.networks import timm_trunk as timm_module
from lightning_modules.networks.unused import cut_unused, cut_weights

TRUNKS = [
    ("efficientnet_b0", 2, 242),
    ("mobilenetv4_conv_small", 3, 126),
    ("mobilenetv3_small_050", 2, 182),
    ("resnet10t", 2, 0),
    ("hrnet_w18_small", 2, 0),  # its branches are added up: they stay, frozen
]
SEGMENTERS = [
    ("PSPNet", "resnet18", 60),
    ("PSPNet", "mobilenet_v2", 204),
    ("PSPNet", "efficientnet-b0", 0),  # smp asks each of its blocks for a rate: they stay, frozen
    ("Unet", "efficientnet-b0", 6),
    ("Unet", "resnet18", 0),
    ("FPN", "resnet18", 0),
    ("PAN", "resnet18", 0),
    ("DeepLabV3Plus", "mobilenet_v2", 0),
]


Net = TypeVar("Net", bound=nn.Module)


def uncut(make: Callable[[], Net], monkeypatch: pytest.MonkeyPatch) -> Net:
    torch.manual_seed(0)
    with monkeypatch.context() as patched:
        for module in (timm_module, smp_module):
            patched.setattr(module, "cut_unused", lambda *args: [])
        return make().eval()


def cut(make: Callable[[], Net]) -> Net:
    torch.manual_seed(0)
    return make().eval()


def without_gradient(module: nn.Module, *outputs: Tensor) -> list[str]:
    loss: Tensor = torch.stack([output.sum() for output in outputs]).sum()
    loss.backward()  # type: ignore[no-untyped-call]  # torch's
    return [name for name, p in module.named_parameters() if p.requires_grad and p.grad is None]


@pytest.mark.parametrize(("name", "index", "gone"), TRUNKS)
def test_a_timm_trunk_is_what_it_was_without_what_lies_behind_its_output(
    name: str, index: int, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = partial(TimmTrunk, name, out_index=index)
    before, after, x = uncut(make, monkeypatch), cut(make), torch.randn(2, 3, 64, 64)
    assert all(torch.equal(a, b) for a, b in zip(before.features(x), after.features(x), strict=True))
    assert len(cut_weights(after)) == gone == len(before.state_dict()) - len(after.state_dict())
    assert without_gradient(after, after(x)) == []
    assert without_gradient(before, before(x)) == [] or gone or not all(p.requires_grad for p in after.parameters())
    after.load_state_dict(before.state_dict())  # strict: an older checkpoint


@pytest.mark.parametrize(("arch", "encoder", "gone"), SEGMENTERS)
def test_so_is_a_segmenter(arch: str, encoder: str, gone: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make = partial(SMPSegmenter, arch, encoder)
    before, after, x = uncut(make, monkeypatch), cut(make), torch.randn(1, 3, 256, 256)
    (logits, features), (logits_now, features_now) = before(x), after(x)
    assert torch.equal(logits, logits_now)
    assert all(torch.equal(a, b) for a, b in zip(features, features_now, strict=True))
    assert len(cut_weights(after)) == gone
    assert without_gradient(after, logits_now, *features_now) == []
    after.load_state_dict(before.state_dict())


def test_checkpoints_of_the_uncut_network_load_without_what_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = partial(FaceNet, TimmTrunk("mobilenetv3_small_050", out_index=2), PooledHead, image_size=64)
    before = uncut(lambda: FaceNet(TimmTrunk("mobilenetv3_small_050", 2), PooledHead, 64), monkeypatch)
    torch.save({f"network.{name}": t for name, t in before.state_dict().items()}, tmp_path / "old.ckpt")
    expected = "trunk (58 tensors), head (6 tensors)"
    assert expected in load_trunk_weights(make(), tmp_path / "old.ckpt")
    after = make()
    assert "network (64 tensors)" in load_network_weights(after, tmp_path / "old.ckpt")
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(before(x), after.eval()(x))


def test_another_network_s_weights_are_still_refused(tmp_path: Path) -> None:
    net = FaceNet(TimmTrunk("mobilenetv3_small_050", 2), PooledHead, 64)
    more = {f"network.{name}": t for name, t in net.state_dict().items()} | {"network.trunk.more": torch.zeros(1)}
    torch.save(more, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=r"`network.trunk.more` of the network: no such weight"):
        load_network_weights(net, tmp_path / "other.ckpt")
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\)"):
        net.load_state_dict({name.removeprefix("network."): t for name, t in more.items()})


def test_a_cut_network_can_be_copied_and_pickled() -> None:
    trunk, x = TimmTrunk("mobilenetv3_small_050", 2).eval(), torch.randn(1, 3, 64, 64)
    for again in (copy.deepcopy(trunk), pickle.loads(pickle.dumps(trunk))):  # noqa: S301  what was just written
        assert torch.equal(trunk(x), again(x))
        assert cut_weights(again) == cut_weights(trunk)


class Branches(nn.Module):
    """The sum of two branches' shapes is asked for, though only one is given out."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.idle = nn.Linear(2, 3), nn.Linear(2, 3)
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        used, idle = self.used(x), self.idle(x)
        _ = used + idle * self.scale
        return used  # type: ignore[no-any-return]


def test_what_cannot_be_cut_is_frozen() -> None:
    net, x = Branches(), torch.randn(4, 2)
    expected = net(x)
    assert cut_unused(net, lambda: net(x)) == []
    assert [name for name, p in net.named_parameters() if not p.requires_grad] == ["scale", "idle.weight", "idle.bias"]
    assert torch.equal(net(x), expected)


def test_what_a_user_has_frozen_is_neither_cut_nor_named() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[0].requires_grad_(False)
    assert unused_parameters(net, lambda: net(torch.zeros(1, 2))) == []
    assert cut_unused(net, lambda: net(torch.zeros(1, 2))) == []


def test_nothing_is_concluded_from_a_graph_that_hides_its_parameters() -> None:
    net, x = nn.Linear(2, 2), torch.zeros(1, 2, requires_grad=True)
    assert unused_parameters(net, lambda: checkpoint(net, x, use_reentrant=True)) == []


def test_mode_and_statistics_stay() -> None:
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout())
    state = copy.deepcopy(net.state_dict())
    random = torch.get_rng_state()
    cut_unused(net, lambda: net(torch.randn(4, 2, generator=torch.Generator())))
    assert net.training
    assert net[1].training
    torch.testing.assert_close(dict(net.state_dict()), dict(state), rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), random)

"""IResNets of other authors: every format loads and gives the same embeddings; what differs is named in one line."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close

from lightning_modules import ClassifierModule, TripletModule
from lightning_modules.networks import FaceNet, IResNetTrunk, Normalize, PooledHead, VGG16Trunk
from lightning_modules.networks.weights import load_trunk_weights
from tests.helpers.iresnet_files import Weights, as_arcface, as_ir_net, iresnet, prefixed, trained_iresnet

IMAGES = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)


network = partial(iresnet, 0.125)
trained = partial(trained_iresnet, 0.125)


def with_zero_shift(net: FaceNet) -> FaceNet:
    nn.init.zeros_(net.head.get_submodule("features").bias)  # type: ignore[arg-type]  # a parameter
    return net


def margin(weights: Weights) -> dict[str, Weights]:
    """As AdaFace's trainings leave it: with the margin head beside the network."""
    return {"state_dict": weights | {"head.kernel": torch.zeros(16, 5), "head.t": torch.zeros(1)}}


def cvlface(folder: Path, space: str = "RGB", name: str = "ir18") -> None:
    folder.mkdir(exist_ok=True, parents=True)
    content = f"input_size: [3, 112, 112]\ncolor_space: '{space}'\nname: '{name}'\noutput_dim: 512\n"
    (folder / "model.yaml").write_text(content)


@pytest.mark.parametrize("depth", [18, 34])
@pytest.mark.parametrize("prefix", ["", "module.", "backbone.", "net.", "module.backbone.", "model."])
def test_arcface_loads_under_any_prefix(depth: int, prefix: str, tmp_path: Path) -> None:
    source, loaded = trained(depth), network(depth)
    torch.save(prefixed(as_arcface(source), prefix), tmp_path / "backbone.pth")
    said = load_trunk_weights(loaded, tmp_path / "backbone.pth")
    author = "CVLface" if prefix == "net." else "arcface_torch"
    assert said.startswith(f"{author} IResNet-{depth} weights from backbone.pth: trunk (")
    assert_close(loaded.state_dict(), source.state_dict())


def test_names_are_arcface_torchs() -> None:
    names = set(as_arcface(network()))
    block = {f"layer1.0.{layer}.weight" for layer in ("bn1", "conv1", "bn2", "prelu", "conv2", "bn3")}
    block |= {"layer1.0.downsample.0.weight", "layer1.0.downsample.1.running_mean"}
    ends = {"conv1.weight", "bn1.bias", "prelu.weight", "bn2.running_var", "fc.bias", "features.bias"}
    assert block | ends <= names


@pytest.mark.parametrize("depth", [18, 34])
def test_adaface_loads_without_its_margin_head(depth: int, tmp_path: Path) -> None:
    source = with_zero_shift(trained(depth, first_shortcut="subsampling"))
    torch.save(margin(prefixed(as_ir_net(source), "model.")), tmp_path / "adaface.ckpt")
    loaded = trained(depth, first_shortcut="subsampling")
    said = load_trunk_weights(loaded, tmp_path / "adaface.ckpt")
    assert said.startswith(f"AdaFace IResNet-{depth} weights")
    assert_close(loaded.state_dict(), source.state_dict())


def test_an_ir_net_that_projects_is_an_iresnet(tmp_path: Path) -> None:
    source, loaded = with_zero_shift(trained()), network()
    torch.save(prefixed(as_ir_net(source), "model."), tmp_path / "a.ckpt")
    load_trunk_weights(loaded, tmp_path / "a.ckpt")
    assert_close(loaded.state_dict(), source.state_dict())


@pytest.mark.parametrize("space", ["RGB", "BGR"])
@pytest.mark.parametrize("folder", [".", "pretrained_model"])
def test_cvlface_has_its_order_in_the_yaml_beside_it(space: str, folder: str, tmp_path: Path) -> None:
    source = with_zero_shift(trained(first_shortcut="subsampling"))
    weights = {name: t.contiguous() for name, t in prefixed(as_ir_net(source), "model.net.").items()}
    save_file(weights, tmp_path / "model.safetensors")
    cvlface(tmp_path / folder, space)
    module = start(tmp_path / "model.safetensors", first_shortcut="subsampling")
    assert module.normalize.bgr == (space == "BGR")
    assert module.origin.startswith("CVLface IResNet-18 weights from model.safetensors")


def start(path: Path, normalize: Normalize | None = None, **settings: Any) -> ClassifierModule:
    return ClassifierModule(network(**settings), 3, normalize=normalize, initial_weights=str(path))


def saved_adaface(folder: Path) -> tuple[FaceNet, Path]:
    source = with_zero_shift(trained(first_shortcut="subsampling"))
    torch.save(margin(prefixed(as_ir_net(source), "model.")), folder / "adaface_ir18.ckpt")
    return source, folder / "adaface_ir18.ckpt"


def test_pixels_are_the_formats_and_travel_with_the_weights(tmp_path: Path) -> None:
    source, path = saved_adaface(tmp_path)
    module = start(path, first_shortcut="subsampling").eval()
    blue_first = (IMAGES.flip(1).float() - 127.5) / 127.5
    assert_close(module(IMAGES), source.eval()(blue_first))
    torch.save({"state_dict": module.state_dict()}, tmp_path / "last.ckpt")
    restored = ClassifierModule(network(first_shortcut="subsampling"), 3).eval()
    restored.load_state_dict(torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"])
    assert torch.equal(restored(IMAGES), module(IMAGES))
    assert start(tmp_path / "last.ckpt", first_shortcut="subsampling").normalize.bgr


def test_a_triplet_module_starts_from_them(tmp_path: Path) -> None:
    source = trained()
    torch.save(as_arcface(source), tmp_path / "backbone.pth")
    module = TripletModule(network(), 3, initial_weights=str(tmp_path / "backbone.pth")).eval()
    assert_close(module(IMAGES), nn.functional.normalize(source.eval()(IMAGES.float() / 127.5 - 1)))


def test_another_head_is_left_alone(tmp_path: Path) -> None:
    torch.save(as_arcface(trained()), tmp_path / "backbone.pth")
    pooled = FaceNet(IResNetTrunk(18, 0.125), PooledHead, 32)
    assert "head" not in load_trunk_weights(pooled, tmp_path / "backbone.pth")


def test_lightnings_own_objects_in_a_checkpoint_are_read_as_empty_ones(tmp_path: Path) -> None:
    from pytorch_lightning.callbacks import ModelCheckpoint, ModelSummary

    source, path = saved_adaface(tmp_path)
    content = torch.load(path, weights_only=True)
    content |= {"callbacks": {ModelCheckpoint: {"best": 0.5}}, "summary": ModelSummary(max_depth=2)}
    torch.save(content, path)
    loaded = network(first_shortcut="subsampling")
    load_trunk_weights(loaded, path)
    assert_close(loaded.trunk.state_dict(), source.trunk.state_dict())


@pytest.mark.parametrize("bgr", [False, True])
def test_an_order_that_no_name_says_is_the_declared_one(bgr: bool, tmp_path: Path) -> None:
    path = without_yaml(tmp_path)
    assert start(path, Normalize(bgr=bgr), first_shortcut="subsampling").normalize.bgr == bgr


def arcface_file(depth: int, name: str) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        (folder / name).parent.mkdir(exist_ok=True)
        torch.save(as_arcface(trained(depth)), folder / name)
        return folder / name

    return save


def adaface_file(folder: Path) -> Path:
    return saved_adaface(folder)[1]


def without_yaml(folder: Path) -> Path:
    torch.save(prefixed(as_ir_net(trained(first_shortcut="subsampling")), "net."), folder / "model.pt")
    return folder / "model.pt"


def contradicting_yaml(folder: Path) -> Path:
    cvlface(folder, "RGB")
    return adaface_file(folder)


def odd_yaml(folder: Path) -> Path:
    cvlface(folder, "YUV")
    return without_yaml(folder)


def changed(name: str, change: Callable[[Weights], object]) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        weights = as_ir_net(trained(first_shortcut="subsampling"))
        change(weights)
        torch.save(prefixed(weights, "model."), folder / name)
        return folder / name

    return save


def squeezed(weights: Weights) -> None:
    weights["body.0.res_layer.se_block.fc1.weight"] = torch.zeros(1, 8, 1, 1)


def bottleneck(weights: Weights) -> None:
    weights |= {"body.0.res_layer.6.weight": torch.zeros(8), "body.0.res_layer.7.weight": torch.zeros(8, 8, 1, 1)}


def a_torchvision_resnet(folder: Path) -> Path:
    from torchvision.models import resnet18

    torch.save(resnet18(weights=None).state_dict(), folder / "resnet18.pth")
    return folder / "resnet18.pth"


SUBSAMPLING = {"first_shortcut": "subsampling"}


@pytest.mark.parametrize(
    ("save", "settings", "message"),
    [
        (
            arcface_file(34, "adaface_ir101.pth"),
            {"depth": 100},
            r"weights of IResNet-100, as `depth` says, got IResNet-34 in .*adaface_ir101\.pth, whose name says 100$",
        ),
        (arcface_file(34, "r34/backbone.pth"), {}, r"of IResNet-18, as .*, got IResNet-34 in .*backbone\.pth$"),
        (
            changed("a.ckpt", lambda w: [w.pop(n) for n in list(w) if n.startswith("body.7.")]),
            SUBSAMPLING,
            r"got an IResNet of \(2, 2, 2, 1\) units in",
        ),
        (adaface_file, {}, r"`first_shortcut` 'projection', as the trunk has it, got 'subsampling' in"),
        (changed("a.ckpt", squeezed), SUBSAMPLING, r"units with squeeze-and-excitation: `res_layer\.se_block`"),
        (changed("a.ckpt", bottleneck), SUBSAMPLING, r"units with other layers: `res_layer\.6`"),
        (
            changed("a.ckpt", lambda w: w.pop("body.3.res_layer.4.weight")),
            SUBSAMPLING,
            r"`trunk\.stages\.2\.layer2\.1\.conv2\.weight` of the network: \(16, 16, 3, 3\), got in \S+: no such",
        ),
        (
            changed("a.ckpt", lambda w: w.pop("body.3.res_layer.1.weight")),
            SUBSAMPLING,
            r"IR-Net with the names that AdaFace and CVLface give it, got KeyError: 'body\.3\.res_layer\.1\.weight'",
        ),
        (changed("a.ckpt", lambda w: w.update({"body.0.odd": torch.zeros(1)})), SUBSAMPLING, "give it, got ValueError"),
        (
            a_torchvision_resnet,
            {},
            r"`trunk\.stages\.0\.conv1\.weight` of the network: \(8, 3, 3, 3\), got in \S+",
        ),
        (adaface_file, SUBSAMPLING | {"normalize": Normalize()}, r"trained with, BGR \(`bgr: true`\), got RGB"),
        (arcface_file(18, "a.pth"), {"normalize": Normalize(bgr=True)}, r"trained with, RGB \(`bgr: false`\), got BGR"),
        (arcface_file(18, "a.pth"), {"normalize": Normalize([0.0] * 3, [1.0] * 3)}, r"the `mean` that a\.pth was"),
        (without_yaml, SUBSAMPLING, r"`normalize` with `bgr` true or false for model\.pt, whose names \(CVLface\)"),
        (contradicting_yaml, SUBSAMPLING, r"`color_space` BGR in .*model\.yaml, as AdaFace trains, got RGB"),
        (odd_yaml, SUBSAMPLING, r"`color_space` RGB or BGR in .*model\.yaml, got 'YUV'"),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(
    save: Callable[[Path], Path], settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = save(tmp_path)
    with pytest.raises(ValueError, match=message) as refused:
        start(path, **settings)
    assert "\n" not in str(refused.value)


def test_a_misnamed_file_that_fits_is_named_by_its_depth(tmp_path: Path) -> None:
    path = arcface_file(18, "arcface_r50.pth")(tmp_path)
    assert "arcface_torch IResNet-18 weights from arcface_r50.pth, whose name says 50: " in start(path).origin


def test_arcface_does_not_fit_vgg(tmp_path: Path) -> None:
    path = arcface_file(18, "a.pth")(tmp_path)
    with pytest.raises(ValueError, match=r"`trunk\.stages\.0\.conv1_1\.weight` of the network: .*: no such weight"):
        load_trunk_weights(FaceNet(VGG16Trunk(0.125), PooledHead, 32), path)

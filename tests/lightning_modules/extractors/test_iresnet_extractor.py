"""An IResNet's weights are all that its embeddings need: depth, size and pixels are the file's."""

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from lightning_modules.extractors import IResNetExtractor
from lightning_modules.networks import Normalize
from tests.helpers.iresnet_files import as_arcface, as_ir_net, prefixed, trained_iresnet

IMAGES = torch.randint(256, (2, 3, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("depth", [18, 34])
def test_arcfaces_weights(depth: int, tmp_path: Path) -> None:
    network = trained_iresnet(0.125, depth, side=48).eval()
    torch.save(as_arcface(network), tmp_path / "backbone.pth")
    extractor = IResNetExtractor(str(tmp_path / "backbone.pth"))
    assert extractor.image_size == 48
    assert_close(extractor(IMAGES), network((IMAGES - 127.5) / 127.5))


def test_adafaces_weights_take_blue_first(tmp_path: Path) -> None:
    network = trained_iresnet(0.125, side=48, first_shortcut="subsampling").eval()
    network.head.get_submodule("features").bias.data.zero_()  # type: ignore[operator]  # a parameter
    torch.save({"state_dict": prefixed(as_ir_net(network), "model.")}, tmp_path / "adaface.ckpt")
    extractor = IResNetExtractor(str(tmp_path / "adaface.ckpt"))
    assert_close(extractor(IMAGES), network((IMAGES.flip(1) - 127.5) / 127.5))
    assert "bgr=True" in extractor.preprocessing()


def test_refuses_what_is_none_in_one_line(tmp_path: Path) -> None:
    path, weights = tmp_path / "a.pth", as_arcface(trained_iresnet(0.125))
    for content, message in (
        ({"weight": torch.zeros(1)}, r"an IResNet of depth 18, 34, .* in .*a\.pth, got weights with other names"),
        ({n: t for n, t in weights.items() if "layer4.1" not in n}, r"got an IResNet of \(2, 2, 2, 1\) units"),
        ({n: t for n, t in weights.items() if "fc" not in n}, r"with its head, got .*a\.pth: KeyError: 'head\.fc"),
    ):
        torch.save(content, path)
        with pytest.raises(ValueError, match=message) as refused:
            IResNetExtractor(str(path))
        assert "\n" not in str(refused.value)
    torch.save(weights, path)
    for settings in ({"normalize": Normalize(bgr=True)}, {"bgr": True}):
        with pytest.raises(ValueError, match=r"a\.pth was trained with, RGB"):
            IResNetExtractor(str(path), **settings)

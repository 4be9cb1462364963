"""timm models behind the trunk contract."""

import pytest
import torch
from torch.testing import assert_close

from lightning_modules.networks import TimmTrunk


def test_stages_are_timms_feature_levels() -> None:
    import timm

    trunk, x = TimmTrunk("resnet10t").eval(), torch.randn(1, 3, 64, 64)
    reference = timm.create_model("resnet10t", features_only=True).eval()
    reference.load_state_dict(dict(zip(reference.state_dict(), trunk.state_dict().values(), strict=True)))
    for ours, theirs in zip(trunk.features(x), reference(x), strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("name", "shape", "stages"),
    [("resnet18", (512, 2, 2), 5), ("mobilenetv3_small_050", (288, 2, 2), 1)],
)
def test_output_shape(name: str, shape: tuple[int, int, int], stages: int) -> None:
    trunk = TimmTrunk(name).eval()
    assert trunk(torch.zeros(1, 3, 64, 64)).shape == (1, *shape)
    assert len(trunk.stages) == stages


def test_channels_last_models_are_turned() -> None:
    options = {"img_size": 64, "window_size": 2, "depths": (1, 1), "embed_dim": 12, "num_heads": (2, 2)}
    trunk = TimmTrunk("swin_tiny_patch4_window7_224", options=options).eval()
    assert trunk(torch.zeros(1, 3, 64, 64)).shape == (1, 24, 8, 8)


def test_out_index_cuts_the_model() -> None:
    trunk = TimmTrunk("resnet18", out_index=3).eval()
    assert trunk(torch.zeros(1, 3, 64, 64)).shape == (1, 256, 4, 4)
    assert sum(p.numel() for p in trunk.parameters()) < 3_000_000  # without layer4's 8 million


def test_options_reach_timm() -> None:
    assert TimmTrunk("resnet10t", options={"in_chans": 1}).eval()(torch.zeros(1, 1, 32, 32)).shape[1] == 512


def test_refuses_unknown_models() -> None:
    with pytest.raises(ValueError, match=r"timm\.list_models\(\), got 'resnet0'"):
        TimmTrunk("resnet0")


@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv3_small_050"])
def test_refuses_missing_levels(name: str) -> None:
    with pytest.raises(ValueError, match="`out_index` to be a feature level"):
        TimmTrunk(name, out_index=9)

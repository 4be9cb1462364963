"""segmentation_models_pytorch behind the segmenter contract."""

import pytest
import torch
from torch.testing import assert_close

from lightning_modules.networks import Segmenter, SMPSegmenter


@pytest.mark.parametrize("arch", ["Unet", "FPN", "DeepLabV3Plus"])
def test_contract(arch: str) -> None:
    segmenter = SMPSegmenter(arch).eval()
    assert isinstance(segmenter, Segmenter)
    logits, features = segmenter(torch.randn(1, 3, 50, 70))
    assert logits.shape == (1, 2, 50, 70)
    assert [f.shape[1] for f in features] == [64, 64, 128, 256, 512]
    assert features[0].shape[2:] == (25, 35)
    assert features[3].shape[2:] == (4, 5)  # stride 16, rounded up


def test_equals_the_model_where_no_padding_is_needed() -> None:
    segmenter, x = SMPSegmenter("Unet").eval(), torch.randn(1, 3, 64, 32)
    assert_close(segmenter(x).logits, segmenter.model(x))


def test_options_reach_the_model() -> None:
    options = {"in_channels": 1, "encoder_depth": 4, "decoder_channels": (32, 16, 8, 8)}
    assert len(SMPSegmenter("Unet", options=options).eval()(torch.randn(1, 1, 32, 32)).features) == 4


def test_refuses_unknown_architectures() -> None:
    with pytest.raises(ValueError, match=r"Expected `arch` in \['deeplabv3', .*got 'Net'"):
        SMPSegmenter("Net")


def test_refuses_other_structures() -> None:
    with pytest.raises(ValueError, match="plain encoder, decoder and head, got 'DPT'"):
        SMPSegmenter("DPT")


def test_refuses_other_classes() -> None:
    with pytest.raises(ValueError, match="`options` without `classes`"):
        SMPSegmenter(options={"classes": 3})

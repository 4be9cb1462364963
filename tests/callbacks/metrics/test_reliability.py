"""Calibration: agreement with torchmetrics, images that add up, ignored pixels that do not count."""

import pytest
import torch
from torchmetrics.functional.classification import binary_calibration_error

from callbacks.metrics import expected_calibration_error, reliability_counts


@pytest.fixture
def probability() -> torch.Tensor:
    return torch.rand(5, 8, 9, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def mask(probability: torch.Tensor) -> torch.Tensor:
    return (torch.rand(probability.shape, generator=torch.Generator().manual_seed(1)) < probability**2).byte()


@pytest.mark.parametrize("bins", [1, 10, 15])
@pytest.mark.parametrize("ignored", [0.0, 0.4])
def test_equals_torchmetrics(
    probability: torch.Tensor, mask: torch.Tensor, bins: int, ignored: float, device: torch.device
) -> None:
    mask[torch.rand(mask.shape, generator=torch.Generator().manual_seed(2)) < ignored] = 255
    counts = reliability_counts(probability.to(device), mask.to(device), bins).cpu()
    assert counts.shape == (5, bins, 3)
    expected = binary_calibration_error(probability, mask.long(), n_bins=bins, norm="l1", ignore_index=255)
    assert float(expected_calibration_error(counts.sum(0))) == pytest.approx(float(expected), abs=1e-6)
    assert torch.equal(counts[..., 0].sum(1), (mask != 255).sum((1, 2)).double())
    assert torch.equal(counts[..., 2].sum(1), (mask == 1).sum((1, 2)).double())


def test_certainty_that_is_right_is_calibrated_and_that_is_wrong_is_not(mask: torch.Tensor) -> None:
    for probability, error in ((mask.float(), 0.0), (1 - mask.float(), 1.0)):
        counts = reliability_counts(probability, mask).sum(0)
        assert float(expected_calibration_error(counts)) == error
        assert not counts[1:-1].any()


def test_without_a_pixel_there_is_no_error(probability: torch.Tensor, mask: torch.Tensor) -> None:
    assert expected_calibration_error(reliability_counts(probability, torch.full_like(mask, 255))).isnan().all()


def test_refuses(probability: torch.Tensor, mask: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"Expected two of shape \(B, H, W\), got \(8, 9\)"):
        reliability_counts(probability[0], mask)
    for wrong in (2 * probability, -probability, probability * torch.nan):
        with pytest.raises(ValueError, match=r"Expected probabilities in \[0, 1\], got others or NaN"):
            reliability_counts(wrong, mask)
    with pytest.raises(ValueError, match="Expected `bins` of at least 1, got 0"):
        reliability_counts(probability, mask, 0)

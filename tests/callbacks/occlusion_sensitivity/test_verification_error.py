"""The mean map of verification is the share of rejected pairs of the pairs' own maps."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from callbacks.occlusion_sensitivity import rejection_map, verification_error_map, verification_maps
from callbacks.occlusion_sensitivity.maps import NotFiniteError
from callbacks.occlusion_sensitivity.verification_maps import Covered, whole_map
from tests.callbacks.occlusion_sensitivity.test_verification_maps import COVERED, tiny

FIRST, SECOND = torch.tensor([0, 1, 1, 4]), torch.tensor([1, 2, 3, 3])


@pytest.mark.parametrize("covered", COVERED)
@pytest.mark.parametrize("memory", [1, 2**30])
def test_mean_map_is_that_of_the_pairs(covered: Covered, memory: int) -> None:
    network, images, _ = tiny(number=5)
    settings: Any = {"occluder_size": (4, 3), "fill": 2.0, "stride": 2, "covered": covered, "method": "dense"}
    maps = verification_maps(network, images[FIRST], images[SECOND], **settings)
    threshold = float(maps.clean.sort().values[1]) - 1e-6
    expected = rejection_map(maps, threshold)
    found = verification_error_map(network, images, FIRST, SECOND, threshold=threshold, memory=memory, **settings)
    assert_close(found.rate, whole_map(expected.rate, maps, (7, 9)))
    assert torch.equal(found.used, expected.used)
    assert int(found.used.sum()) == 3


def test_refuses_thresholds_pairs_and_embeddings_that_are_none() -> None:
    network, images, _ = tiny(number=5)
    error = partial(verification_error_map, first=FIRST, second=SECOND, occluder_size=(3, 3), method="dense")
    with pytest.raises(ValueError, match=r"`threshold` in \[-1, 1\], got nan"):
        error(network, images, threshold=float("nan"))
    with pytest.raises(ValueError, match="accepted without an occluder at 1, got none among 4"):
        error(network, images, threshold=1.0)
    broken = images.clone()
    broken[2] = float("inf")
    with pytest.raises(NotFiniteError, match="finite embeddings, got NaN or infinity for image 2"):
        error(network, broken, threshold=-1.0)

    class Divides(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stack([x[:, 0].mean((1, 2)), 1 / (x[:, 0, 3, 3] - 9)], 1)

    with pytest.raises(NotFiniteError, match="infinity for image 0"):  # under the occluder alone
        error(Divides(), images, threshold=-1.0, fill=9.0)

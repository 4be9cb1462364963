"""Occlusion maps on a GPU: the incremental ones are the dense ones there, and both those of a CPU."""

import copy
from typing import Any

import pytest
import torch

from callbacks.occlusion_sensitivity import occlusion_error_map, occlusion_maps, sampled_error_map
from tests.callbacks.occlusion_sensitivity.networks import NETWORKS, Sample, sample

pytestmark = pytest.mark.gpu
NEAR = 1e-4
"""Largest difference of logits of about 1; predictions that are nearer than that may differ."""


def there(here: Sample, device: torch.device) -> Sample:
    return Sample(copy.deepcopy(here.network).to(device), here.images.to(device), here.labels.to(device))


@pytest.mark.parametrize(("name", "occluder_size"), [*((name, (7, 5)) for name in NETWORKS), ("VGG-like", (2, 3))])
def test_incremental_maps_are_dense_ones_and_those_of_a_cpu(
    name: str, occluder_size: tuple[int, int], cuda: torch.device, recwarn: pytest.WarningsRecorder
) -> None:
    here = sample(name)
    settings: dict[str, Any] = {"occluder_size": occluder_size, "fill": 0.3, "all_scores": True}
    gpu = there(here, cuda)
    dense = occlusion_maps(*gpu, **settings, method="dense")
    incremental = occlusion_maps(*gpu, **settings)
    cpu = occlusion_maps(*here, **settings, method="dense")
    assert incremental.scores.device.type == incremental.errors.device.type == cuda.type
    assert torch.equal(incremental.indices, dense.indices)
    assert not [warning for warning in recwarn if "computed densely" in str(warning.message)]
    scale = max(1.0, float(cpu.scores.abs().max()))
    for ours, theirs in ((incremental, dense), (dense, cpu)):
        assert (ours.scores.cpu() - theirs.scores.cpu()).abs().max() < NEAR * scale
        best = theirs.scores.cpu().topk(2, dim=-1).values
        decided = best[..., 0] - best[..., 1] > 2 * NEAR * scale
        assert torch.equal(ours.errors.cpu()[decided], theirs.errors.cpu()[decided])
        assert decided.double().mean() > 0.9


def test_maps_of_all_images_and_of_a_share(cuda: torch.device) -> None:
    here = sample("VGG-like")
    gpu = there(here, cuda)
    exact = occlusion_error_map(*gpu, occluder_size=(6, 6), stride=2)
    assert exact.device.type == cuda.type
    assert (exact.cpu() - occlusion_error_map(*here, occluder_size=(6, 6), stride=2)).abs().mean() < 0.01
    ours, theirs = (sampled_error_map(*one, occluder_size=(6, 6), share=0.5) for one in (gpu, here))
    assert ours.error.device.type == ours.standard_error.device.type == cuda.type
    assert (ours.error.cpu() - theirs.error).abs().mean() < 0.01


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_differs_by_its_rounding(dtype: torch.dtype, cuda: torch.device) -> None:
    here = sample("CASIA-Net")
    gpu = Sample(copy.deepcopy(here.network).to(cuda, dtype), here.images.to(cuda, dtype), here.labels.to(cuda))
    ours, dense = (
        occlusion_maps(*gpu, occluder_size=(7, 5), all_scores=True, method=method)
        for method in ("incremental", "dense")
    )
    scale = max(1.0, float(dense.scores.abs().max()))
    assert (ours.scores - dense.scores).abs().max() < 8 * torch.finfo(dtype).eps * scale

"""Occlusion maps of identification: the definition, a probe and a centre at a time."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity
from torch.testing import assert_close

from callbacks.occlusion_sensitivity import gallery_maps
from callbacks.occlusion_sensitivity.maps import NotFiniteError
from tests.callbacks.occlusion_sensitivity.test_verification_maps import EXACT, tiny

OURS, ENROLLED = torch.tensor([4, 9]), torch.tensor([9, 4, 5, 4])


@pytest.mark.parametrize("memory", [1, 2**30])
@pytest.mark.parametrize("method", ["dense", "incremental"])
def test_maps_are_the_definition(method: str, memory: int) -> None:
    network, probes, _ = tiny()
    gallery = torch.randn(4, 5)
    settings: Any = {"occluder_size": (3, 4), "fill": 0.7, "method": method, "memory": memory}
    maps = gallery_maps(network, probes, OURS, gallery, ENROLLED, **settings)
    for n in range(2):
        for i in range(7):
            for j in range(9):
                picture = probes[n].clone()
                picture[:, max(0, i - 1) : i + 2, max(0, j - 2) : j + 2] = 0.7
                with torch.no_grad():
                    scores = cosine_similarity(network(picture[None]), gallery)
                mate = max(scores[g] for g in range(4) if ENROLLED[g] == OURS[n])
                other = max(scores[g] for g in range(4) if ENROLLED[g] != OURS[n])
                assert abs(maps.mate[n, i, j] - mate) <= EXACT
                assert abs(maps.other[n, i, j] - other) <= EXACT
                if abs(mate - other) > EXACT:
                    assert bool(maps.lost()[n, i, j]) == bool(mate <= other)
                if abs(mate - 0.2) > EXACT and abs(mate - other) > EXACT:
                    assert bool(maps.lost(0.2)[n, i, j]) == bool(mate <= other or mate < 0.2)
    with torch.no_grad():
        clean = cosine_similarity(network(probes)[:, None], gallery[None], dim=2)
    assert_close(maps.clean_mate, torch.stack([clean[0, [1, 3]].max(), clean[1, 0]]), atol=EXACT, rtol=0)
    assert torch.equal(maps.lost_clean(), maps.clean_mate <= maps.clean_other)


def test_a_tie_is_a_loss_and_without_others_only_the_threshold_counts() -> None:
    image, mine = torch.tensor([[[[1.0, 1.0]]]]), torch.tensor([0])
    settings: Any = {"occluder_size": (1, 1), "method": "dense"}
    tied = gallery_maps(nn.Flatten(), image, mine, torch.eye(2), torch.tensor([0, 1]), **settings)
    assert tied.lost_clean().tolist() == [True]
    assert tied.lost().tolist() == [[[True, False]]]
    alone = gallery_maps(nn.Flatten(), image, mine, torch.eye(2)[:1], mine, **settings)
    assert not alone.lost().any()
    assert alone.lost(0.9).tolist() == [[[True, False]]]


def test_refuses_what_no_map_can_be_made_of() -> None:
    network, probes, _ = tiny()
    gallery = torch.randn(4, 5)
    settings: Any = {"occluder_size": (3, 3), "method": "dense"}
    with pytest.raises(ValueError, match="every probe's identity, got none of probe 1's"):
        gallery_maps(network, probes, torch.tensor([4, 6]), gallery, ENROLLED, **settings)
    with pytest.raises(ValueError, match=r"`identities` of shape \(2,\), one or more, got \(1,\)"):
        gallery_maps(network, probes, OURS[:1], gallery, ENROLLED, **settings)
    with pytest.raises(ValueError, match=r"a gallery \(G, D\) with G identities, got \(4, 5\) and \(3,\)"):
        gallery_maps(network, probes, OURS, gallery, ENROLLED[:3], **settings)
    with pytest.raises(ValueError, match=r"a gallery \(G, 5\), as the probes', got \(4, 3\)"):
        gallery_maps(network, probes, OURS, gallery[:, :3], ENROLLED, **settings)
    with pytest.raises(ValueError, match="a finite gallery"):
        gallery_maps(network, probes, OURS, gallery / 0, ENROLLED, **settings)
    with pytest.raises(NotFiniteError, match="for image 1"):
        gallery_maps(network, torch.stack([probes[0], probes[1] / 0]), OURS, gallery, ENROLLED, **settings)
    with pytest.raises(ValueError, match=r"`threshold` in \[-1, 1\], got 2"):
        gallery_maps(network, probes, OURS, gallery, ENROLLED, **settings).lost(2.0)

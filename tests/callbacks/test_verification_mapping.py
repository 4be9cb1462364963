"""Maps of verification in a run: their pairs, threshold and file, for a module that has no classifier."""

import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from callbacks import OcclusionMapping, VerificationMapping
from callbacks.occlusion_mapping import in_placement_half
from callbacks.occlusion_sensitivity import rejection_map, verification_maps
from callbacks.occlusion_sensitivity.verification_maps import whole_map
from datamodules.errors import DataError
from datamodules.occluders import StrategicPlacement
from datamodules.seams.occlusion_map_file import OcclusionMap
from lightning_modules import TripletModule
from lightning_modules.networks import AveragePoolHead, CasiaNetTrunk, FaceNet, Normalize, fingerprint
from tests.callbacks.test_occlusion_mapping import OCCLUDER, SIZE, data, module, trainer


def triplets() -> TripletModule:
    torch.manual_seed(0)
    network = FaceNet(CasiaNetTrunk(width=0.0625), AveragePoolHead, image_size=SIZE, in_channels=1)
    return TripletModule(network, 3, normalize=Normalize(grey=True))


class Waves(torch.nn.Module):
    """Tells plain images apart by their grey level: a network with ReLUs makes but longer embeddings of it."""

    def forward(self, x: Tensor) -> Tensor:
        level = x.mean((1, 2, 3))
        return torch.stack([torch.sin(k * level) for k in (3.0, 7.0, 11.0, 19.0)], 1)


class Waving(TripletModule):
    """Embeds by them."""

    def embedding_network(self) -> torch.nn.Module:
        return Waves()


def waving() -> Waving:
    network = FaceNet(CasiaNetTrunk(width=0.0625), AveragePoolHead, image_size=SIZE, in_channels=1)
    return Waving(network, 3, normalize=Normalize(grey=True))


def mapped(folder: Path, model: Any, **settings: Any) -> tuple[OcclusionMap, dict[str, float]]:
    """Return the map that a validation makes, and its measures."""
    run = trainer(folder, mapping := VerificationMapping([OCCLUDER], stride=5, **settings))
    run.validate(model, data(), verbose=False)
    path = Path(str(run.log_dir)) / f"occlusion_maps/verification-{mapping.subset}-4x6.npz"
    StrategicPlacement(path, 0.25).check_occluder(*OCCLUDER)
    assert path.with_suffix(".png").stat().st_size > 0
    measures = {key: float(value) for key, value in run.callback_metrics.items() if key.startswith("val/verification")}
    return OcclusionMap.load(path), measures


@pytest.mark.parametrize("covered", ["both", "first"])
def test_map_is_that_of_neighbouring_pairs_of_the_half(tmp_path: Path, covered: Any) -> None:
    model, faces = triplets(), data()
    made, measures = mapped(tmp_path, model, threshold=0.5, covered=covered, subset="placement")
    half = sorted(int(i) for i in faces.split.validation if in_placement_half(int(i)))
    people = {i: int(faces.source.identities[i]) for i in half}
    pairs = [(i, j) for i, j in pairwise(half) if people[i] == people[j]]
    images = {i: torch.from_numpy(faces.clean_face(i)).permute(2, 0, 1) for i in half}
    first, second = (model.pixels(torch.stack([images[pair[side]] for pair in pairs])) for side in (0, 1))
    maps = verification_maps(
        model.embedding_network(), first, second, covered=covered, occluder_size=OCCLUDER, stride=5, method="dense"
    )
    expected = rejection_map(maps, 0.5)
    np.testing.assert_allclose(made.error, whole_map(expected.rate, maps, (SIZE, SIZE)).numpy(), atol=1e-6)
    used = {i for pair, accepted in zip(pairs, expected.used.tolist(), strict=True) if accepted for i in pair}
    assert made.indices.tolist() == sorted(used)
    assert made.model == fingerprint(model.state_dict())
    assert measures["val/verification_placement/4x6/accuracy"] == pytest.approx(made.mean_accuracy, abs=1e-6)


def test_the_threshold_keeps_the_false_accept_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, faces = waving(), data()
    mapping = VerificationMapping([OCCLUDER], far=0.1)
    seen: list[float] = []
    found = mapping._threshold

    def spy(*args: Any) -> float:
        seen.append(found(*args))
        return -1.0

    monkeypatch.setattr(mapping, "_threshold", spy)
    with warnings.catch_warnings(action="ignore"):  # waves are no layers that windows pay for
        trainer(tmp_path, mapping).validate(model, faces, verbose=False)
    half = sorted(int(i) for i in faces.split.validation if not in_placement_half(int(i)))
    with torch.no_grad():
        images = torch.stack([torch.from_numpy(faces.clean_face(i)).permute(2, 0, 1) for i in half])
        embeddings = normalize(Waves()(model.pixels(images)))
    people = faces.source.identities[half]
    scores = [
        float(embeddings[i] @ embeddings[j])
        for i in range(len(half))
        for j in range(i)
        if people[i] != people[j]
    ]  # fmt: skip
    assert np.mean(np.array(scores) >= seen[0] - 1e-6) <= 0.1 + 1 / len(scores)
    assert sum(score >= seen[0] - 1e-6 for score in scores) + 1 > 0.1 * len(scores) - 1


def test_stands_beside_a_map_of_the_classifier(tmp_path: Path) -> None:
    callbacks = [OcclusionMapping([OCCLUDER], stride=8), VerificationMapping([OCCLUDER], stride=8, threshold=-1.0)]
    run = trainer(tmp_path, *callbacks)
    run.validate(module(), data(), verbose=False)
    names = {path.name for path in (Path(str(run.log_dir)) / "occlusion_maps").glob("*.npz")}
    assert names == {"scoring-4x6.npz", "verification-scoring-4x6.npz"}


def test_refuses_what_cannot_be_verified(tmp_path: Path) -> None:
    for settings, said in (
        ({"threshold": 2.0}, r"`threshold` in \[-1, 1\], got 2"),
        ({"far": 0.0}, r"`far` in \(0, 1\], got 0.0"),
        ({"covered": "left"}, "`covered` of both, first, second, got 'left'"),
        ({"stride": 0}, "`stride` of at least 1"),
    ):
        with pytest.raises(ValueError, match=said):
            VerificationMapping([OCCLUDER], **settings)
    run = trainer(tmp_path, VerificationMapping([OCCLUDER]), VerificationMapping([OCCLUDER]))
    with pytest.raises(ValueError, match="Expected one callback for scoring maps of 4 × 6, got several"):
        run.validate(triplets(), data(), verbose=False)
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(DataError, match="accepted without an occluder at 1, got none among"),
    ):
        mapped(tmp_path, waving(), threshold=1.0)
    with pytest.raises(DataError, match="two clean validation images of one identity in the scoring half, got none"):
        mapped(tmp_path, triplets(), num_images=1)


def test_impostors_that_are_all_alike_set_no_threshold_beyond_a_cosine(tmp_path: Path) -> None:
    class Alike(Waving):
        def embedding_network(self) -> torch.nn.Module:
            return Ones()

    network = FaceNet(CasiaNetTrunk(width=0.0625), AveragePoolHead, image_size=SIZE, in_channels=1)
    with warnings.catch_warnings(action="ignore"):
        made, _ = mapped(tmp_path, Alike(network, 3, normalize=Normalize(grey=True)), far=0.1)
    assert not made.error.any()
    assert made.mean_accuracy == 1


class Ones(torch.nn.Module):
    """Embeds all images alike."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.ones(len(x), 4, device=x.device)

"""What an evaluation makes of a protocol's pairs is what the one function makes of their images."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor

from callbacks.metrics.directions import directions
from callbacks.recognition.matched_comparison import matched_scores
from callbacks.recognition.matching import Matching
from datamodules.errors import DataError
from datamodules.plain_faces import image_digests
from datamodules.protocols import EvaluationProtocol
from datamodules.protocols.generated_protocol import generated_protocol
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.face_source import UInt8Image
from experiments.evaluation.face_outputs import Computing, Extraction
from experiments.evaluation.matching.compared import Comparing, add_costs
from experiments.evaluation.matching.face_comparison import FaceComparison, Masks
from experiments.evaluation.matching.views import VIEWS, RandomViews, ViewModule, drawn
from lightning_modules.outputs import StepOutput

SIDE = 32
LABELS = Masks("labels", None)


class Linear(LightningModule):
    """Embeds by a fixed product, and counts."""

    not_counted = frozenset({"embedded"})

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(3 * SIDE * SIDE, 8, generator=torch.Generator().manual_seed(1)))
        self.embedded = 0

    def forward(self, images: Tensor) -> Tensor:
        return (images.float() / 255 - 0.5).flatten(1) @ self.weight

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        self.embedded += len(batch["image"])
        return StepOutput(embedding=self(batch["image"]))

    def test_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        dark = batch["image"].float().mean(1) < 60
        return StepOutput(segmentation=dark.byte())


class Drawn:
    """The images of a source, drawn once."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.images: list[UInt8Image] = [source.image(index) for index in range(len(source))]
        self.maps: list[UInt8Image] = [source.label_map(index) for index in range(len(source))]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> UInt8Image:
        return self.images[index]

    def label_map(self, index: int) -> UInt8Image:
        return self.maps[index]


@pytest.fixture(scope="module")
def protocol() -> EvaluationProtocol:
    drawn = generated_protocol(20, 2, cache_dir=None)
    return replace(drawn, source=Drawn(drawn.source))


def matched(
    protocol: EvaluationProtocol, comparison: FaceComparison, cache: Path | None = None
) -> tuple[Tensor, Linear]:
    """Return the scores of the pairs under sunglasses, and what made them."""
    module = Linear()
    comparing = Comparing(Computing(16, trainer_options={"accelerator": "cpu"}), cache)
    extraction = Extraction(module, SIDE, "linear")
    digests = image_digests(protocol.source)
    embeddings = comparing.embeddings(extraction, comparison.views, protocol.source, digests)
    found = comparing.reranking(extraction, comparison, protocol, embeddings, digests)
    assert found is not None
    pairs = protocol.verification["sunglasses"]
    return found.scorer(pairs.first, pairs.second), module


def images(protocol: EvaluationProtocol, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    from experiments.evaluation.matching.dressed_faces import DressedFaces
    from experiments.evaluation.matching.occluder_masks import occluder_masks

    masks = occluder_masks(LABELS, protocol, Computing(), digests=[], cache=None)
    nobody = np.zeros(len(protocol.source), np.bool_)
    plain = DressedFaces(protocol.source, masks, nobody, indices, indices, Matching(), SIDE)
    faces = [torch.from_numpy(plain.image(place)).permute(2, 0, 1) for place in range(len(indices))]
    return torch.stack(faces), torch.stack([torch.from_numpy(masks.mask(int(i), SIDE)) for i in indices])


@pytest.mark.parametrize(
    "matching", [Matching(), Matching(weight=0.2, grow=2, soften=0.7), Matching(fill="grey"), Matching(fill="noise")]
)
@pytest.mark.parametrize("views", [(), ("mirror",)])
def test_scores_are_those_of_the_one_function(
    protocol: EvaluationProtocol, matching: Matching, views: tuple[str, ...]
) -> None:
    found, module = matched(protocol, FaceComparison(views, LABELS, matching))
    pairs = protocol.verification["sunglasses"]
    (x, of_x), (y, of_y) = (images(protocol, one) for one in (pairs.first, pairs.second))

    def embed(faces: Tensor) -> Tensor:
        seen = [faces, *(VIEWS[view](faces) for view in views)]
        return directions(sum((directions(module(one)) for one in seen), torch.zeros(())))

    expected = matched_scores(embed, x, y, of_x, of_y, matching)
    torch.testing.assert_close(found, expected.detach(), atol=2e-5, rtol=0)
    assert (found - torch.cosine_similarity(embed(x), embed(y))).abs().max() > 1e-3


def test_masks_of_a_model_are_segmented_once_and_kept(protocol: EvaluationProtocol, tmp_path: Path) -> None:
    from experiments.evaluation.given_models import Model

    model = Model(Extraction(Linear(), SIDE, "dark"), "dark", frozenset({"segmentation"}))
    comparison = FaceComparison((), Masks("dark", model), Matching(least_share=0.0))
    first, module = matched(protocol, comparison, tmp_path)
    again, later = matched(protocol, comparison, tmp_path)
    assert torch.equal(first, again)
    assert later.embedded == 0 < module.embedded
    others, _ = matched(protocol, replace(comparison, matching=Matching(least_share=0.0, grow=3)), tmp_path)
    assert not torch.equal(first, others)


def test_what_scores_cost_are_kept_beside_the_images_embeddings_whatever_the_weight(
    protocol: EvaluationProtocol, tmp_path: Path
) -> None:
    comparison = FaceComparison((), LABELS)
    matched(protocol, comparison, tmp_path)
    _, later = matched(protocol, replace(comparison, matching=Matching(weight=0.3, most_share=0.9)), tmp_path)
    assert later.embedded == 0
    assert len(list((tmp_path / "matched").rglob("*.npz"))) == 1


def test_masks_of_two_models_of_one_name_are_two(protocol: EvaluationProtocol, tmp_path: Path) -> None:
    from experiments.evaluation.given_models import Model

    comparing = Comparing(Computing(16, trainer_options={"accelerator": "cpu"}), tmp_path)
    digests, extraction = image_digests(protocol.source), Extraction(Linear(), SIDE, "linear")
    embeddings = comparing.embeddings(extraction, (), protocol.source, digests)
    counted = []
    for side in (SIDE, 16):
        model = Model(Extraction(Linear(), side, "os"), f"{side}/os", frozenset({"segmentation"}))
        comparison = FaceComparison((), Masks("os", model), Matching(least_share=0.0))
        found = comparing.reranking(extraction, comparison, protocol, embeddings, digests)
        assert found is not None
        counted.append(found.scorer.shares)  # type: ignore[attr-defined]  # of matched pairs
    assert not torch.equal(*counted)


def test_a_label_map_of_another_size_than_its_face_is_refused(protocol: EvaluationProtocol) -> None:
    wrong = Drawn(protocol.source.source)  # type: ignore[attr-defined]  # the double's
    wrong.maps[3] = wrong.maps[3][:, :8]
    with pytest.raises(DataError, match=r"expected a label map of its size \(64, 64\), got \(64, 8\)"):
        matched(replace(protocol, source=wrong), FaceComparison((), LABELS))


def test_a_pair_costs_one_image_for_each_covered_face(protocol: EvaluationProtocol) -> None:
    comparing = Comparing(Computing(16, trainer_options={"accelerator": "cpu"}), None)
    digests = image_digests(protocol.source)
    extraction = Extraction(Linear(), SIDE, "linear")
    embeddings = comparing.embeddings(extraction, (), protocol.source, digests)
    found = comparing.reranking(extraction, FaceComparison((), LABELS), protocol, embeddings, digests)
    assert found is not None
    for condition, images_a_pair in (("all", 0), ("sunglasses", 1)):
        pairs = protocol.verification[condition]
        assert set(found.scorer.images(pairs.first, pairs.second).tolist()) == {images_a_pair}


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_views_keep_shape_and_type_and_are_other_images(view: str) -> None:
    seen = torch.randint(256, (2, 3, 20, 20), generator=torch.Generator().manual_seed(0)).byte()
    other = VIEWS[view](seen)
    assert (other.shape, other.dtype) == (seen.shape, seen.dtype)
    assert not torch.equal(other, seen)
    flat = torch.full_like(seen, 77)
    assert torch.equal(VIEWS[view](flat), flat)


def test_a_view_is_embedded_by_the_same_weights() -> None:
    module, seen = Linear(), torch.randint(256, (2, 3, SIDE, SIDE)).byte()
    batch = FaceBatch(image=seen, mask=seen[:, 0], identity=torch.zeros(2), index=torch.zeros(2), occluder=["none"] * 2)
    made = ViewModule(module, "mirror").predict_step(batch, 0)["embedding"]
    torch.testing.assert_close(made, module(seen.flip(3)))


def test_random_views_are_averaged_with_the_face_itself_and_counted() -> None:
    module, seen = Linear(), torch.randint(256, (2, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(0)).byte()
    batch = FaceBatch(image=seen, mask=seen[:, 0], identity=torch.zeros(2), index=torch.zeros(2), occluder=["none"] * 2)
    views = [drawn(seen, number) for number in (1, 2)]
    assert all(not torch.equal(one, seen) for one in views)
    assert all(torch.equal(drawn(seen, number), one) for number, one in enumerate(views, 1))
    made = RandomViews(module, 3).predict_step(batch, 0)["embedding"]
    expected = directions(sum((directions(module(one)) for one in (seen, *views)), torch.zeros(())))
    torch.testing.assert_close(directions(made), expected)
    comparison, rows = FaceComparison(random_views=3), {"sunglasses": {"pairs": 5.0, "probes": 4.0}}
    add_costs(rows, comparison)
    assert rows["sunglasses"] == {"pairs": 5.0, "probes": 4.0, "embeddings_a_pair": 6.0, "embeddings_a_probe": 3.0}
    assert (comparison.suffix, comparison.is_plain) == (", 3 random views", False)


def test_a_random_view_of_a_plain_image_is_it_itself_and_odd_ones_are_mirrored() -> None:
    flat = torch.full((1, 3, 20, 20), 77).byte()
    assert torch.equal(drawn(flat, 1), flat)
    ramp = torch.arange(20).expand(1, 3, 20, 20).mul(10).byte()
    assert [int(drawn(ramp, number)[0, 0, 10, 15]) > 100 for number in range(1, 5)] == [False, True, False, True]

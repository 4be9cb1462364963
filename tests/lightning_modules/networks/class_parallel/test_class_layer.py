"""Which layers can be shared out over processes."""

import pytest
from pytorch_metric_learning.losses import CosFaceLoss, SubCenterArcFaceLoss
from torch import Tensor, nn

from lightning_modules.networks import ArcFaceHead, CosFaceHead, MarginHead
from lightning_modules.networks.class_parallel.class_layer import class_dims


class OwnLoss(ArcFaceHead):
    def loss(self, embeddings: Tensor, identities: Tensor) -> Tensor:
        return super().loss(embeddings, identities) + 1


def test_linear_layers_and_margin_heads_have_their_classes_where_they_say() -> None:
    for layer in (nn.Linear(4, 9), ArcFaceHead(4, 9), CosFaceHead(4, 9)):
        for name, dim in class_dims(layer).items():
            assert layer.get_parameter(name).shape[dim] == 9


class ScaledByLength(CosFaceLoss):  # type: ignore[misc]  # published without types
    def scale_logits(self, logits: Tensor, *_: Tensor) -> Tensor:
        scaled: Tensor = logits * self.W.norm(dim=0)
        return scaled


@pytest.mark.parametrize(
    "head",
    [
        MarginHead(ScaledByLength(num_classes=9, embedding_size=4)),
        MarginHead(SubCenterArcFaceLoss(num_classes=9, embedding_size=4)),  # has several directions a class
        OwnLoss(4, 9),
    ],
    ids=["lengths", "sub-centres", "own loss"],
)
def test_other_heads_are_refused(head: MarginHead) -> None:
    with pytest.raises(ValueError, match=r"Expected a head of one direction for each class, .* got"):
        class_dims(head)

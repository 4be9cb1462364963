"""What a LightningModule's evaluation step hands to callbacks."""

from typing import TypedDict

from torch import Tensor


class StepOutput(TypedDict, total=False):
    """Results of one batch of :math:`B` faces; a module fills in what it has."""

    embedding: Tensor
    """``(B, D)`` float: the face representation."""
    quality: Tensor
    """``(B,)`` float: how sure the network is of the embedding, such as its norm; on a scale of the network's own."""
    segmentation: Tensor
    """``(B, H, W)`` uint8: 1 where the network sees an occluder."""
    occluder_probability: Tensor
    """``(B, H, W)`` float in [0, 1]: that a pixel shows an occluder."""
    deep_response: Tensor
    """``(B, C, h, w)`` float: top convolutional features of the segmentation network (SOIDN paper, Fig. 3)."""

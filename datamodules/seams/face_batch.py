"""The one thing that data and models share: what a batch of faces holds."""

from typing import Any, NotRequired, TypedDict

from torch import Tensor


class FaceBatch(TypedDict):
    """A batch of :math:`B` faces, as every dataloader yields it and every LightningModule receives it.

    Pixels stay raw here: channel order and range are fixed, normalisation belongs to the model
    (:class:`lightning_modules.networks.Normalize`), so that it travels with the checkpoint.
    """

    image: Tensor
    """``(B, 3, H, W)`` uint8, RGB, 0 to 255."""
    mask: Tensor
    """``(B, H, W)`` uint8 label map: 1 where an occluder covers the face, 255 where a pixel does not count, else 0."""
    identity: Tensor
    """``(B,)`` int64: the class in training, a label comparable only within its dataset in evaluation."""
    index: Tensor
    """``(B,)`` int64: the image's index in its source; two views of one image share it."""
    occluder: list[str]
    """Length ``B``: the occluder's category, in an evaluation the condition's name; ``"none"`` for a clean image."""
    clean: NotRequired[Tensor]
    """``(B, 3, H, W)`` uint8: the same images without occluder and augmentation, where a training asks for them."""
    drawing: NotRequired[Any]
    """What is still to be drawn, until the batch is on its device: :class:`datamodules.device_drawing.Drawing`."""
    name: NotRequired[list[str]]
    """Length ``B``: what to call the image in a message, as its source does."""

"""What turns faces into embeddings and is not trained here."""

import hashlib
from pathlib import Path

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from datamodules.batch import FaceBatch
from lightning_modules.networks import Normalize
from lightning_modules.outputs import StepOutput


class Extractor(LightningModule):
    """A fixed network with the preprocessing that it was trained with.

    Args:
        network: Maps ``(B, C, H, W)`` normalised images to ``(B, D)`` embeddings.
        image_size: Side of its images in pixels.
        normalize: What turns raw RGB pixels into its input.
        bgr: Whether it takes blue first, as models that were trained with OpenCV do.
        flip: Whether the embeddings of an image and of its mirror image are added, as is usual in the field.

    Raises:
        ValueError: If ``image_size`` is not positive.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        image_size: int,
        normalize: Normalize | None = None,
        bgr: bool = False,
        flip: bool = False,
    ) -> None:
        super().__init__()
        if image_size < 1:
            raise ValueError(f"Expected `image_size` of at least 1, got {image_size}")
        self.network = network.eval()
        self.image_size = image_size
        self.normalize = normalize or Normalize()
        self.bgr = bgr
        self.flip = flip

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(B, D)`` float32 embeddings of raw RGB ``(B, 3, H, W)`` images.

        Raises:
            ValueError: If the network's output is not ``(B, D)``.
        """
        x: Tensor = self.normalize(images)
        if self.bgr:
            x = x.flip(1)
        embeddings = self._embed(x)
        if self.flip:
            embeddings = embeddings + self._embed(x.flip(3))
        return embeddings

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Return embeddings."""
        return StepOutput(embedding=self(batch["image"]))

    test_step = predict_step

    def preprocessing(self) -> str:
        """Return what is done to an image, in words that differ where it does."""
        return f"{self.image_size} px, {self.normalize.extra_repr()}, bgr={self.bgr}, flip={self.flip}"

    def _embed(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            embeddings: Tensor = self.network(x)
        if not isinstance(embeddings, Tensor) or embeddings.ndim != 2 or len(embeddings) != len(x):
            got = tuple(embeddings.shape) if isinstance(embeddings, Tensor) else type(embeddings).__name__
            raise ValueError(f"Expected embeddings (B, D) of {type(self.network).__name__}, got {got}")
        return embeddings.float()


class FileNetwork(nn.Module):
    """A network that is a program in a file; a buffer stands for its contents, so that fingerprints tell files apart.

    Args:
        path: The file.

    Raises:
        ValueError: If it is not there.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        if not Path(path).is_file():
            raise ValueError(f"Expected a file of a network, got {path}, which is not there")
        digest = hashlib.sha256(Path(path).read_bytes()).digest()
        self.register_buffer("content", torch.frombuffer(bytearray(digest), dtype=torch.uint8))

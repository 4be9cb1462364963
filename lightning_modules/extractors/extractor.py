"""What turns faces into embeddings and is not trained here."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from datamodules.seams.face_batch import FaceBatch
from lightning_modules.embedding_network import EmbeddingNetwork
from lightning_modules.extractors.file_network import FileNetwork
from lightning_modules.extractors.network_outputs import named_outputs, roles
from lightning_modules.extractors.occluder_output import OccluderOutput
from lightning_modules.networks import Normalize
from lightning_modules.networks.foreign import foreign
from lightning_modules.outputs import StepOutput


class Extractor(LightningModule):
    """A fixed network with the preprocessing that it was trained with.

    Args:
        network: Maps ``(B, C, H, W)`` normalised images to ``(B, D)`` embeddings, or to several outputs with such, see
            :func:`~lightning_modules.extractors.network_outputs.roles`.
        image_size: Side of its images in pixels.
        normalize: What turns raw RGB pixels into its input.
        bgr: Whether it takes blue first, as models that were trained with OpenCV do.
        flip: Whether the embeddings of an image and of its mirror image are added, as is usual in the field.
        batch_size: How many images the network takes, neither more nor fewer, such as one that was traced for a fixed
            number; what is missing in the last batch is filled up with copies. ``None`` is any number.
        alignment: Name of the alignment of the faces that it takes, such as ``arcface``: an evaluation refuses faces
            that are declared to be aligned otherwise.
        occluder: Which output segments, where it is not called ``occluder_probability``; ``None`` is that one, if any.
        output: Name of the embedding among several outputs, of a tuple its number; by default it is found by its shape.

    Raises:
        ValueError: If ``image_size`` or ``batch_size`` is not positive.
    """

    threads = 1
    """How many parts of a batch are in the network at once."""

    def __init__(
        self,
        network: nn.Module,
        *,
        image_size: int,
        normalize: Normalize | None = None,
        bgr: bool = False,
        flip: bool = False,
        batch_size: int | None = None,
        alignment: str | None = None,
        output: str | int | None = None,
        occluder: OccluderOutput | None = None,
    ) -> None:
        super().__init__()
        if image_size < 1:
            raise ValueError(f"Expected `image_size` of at least 1, got {image_size}")
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"Expected `batch_size` of at least 1, got {batch_size}")
        self.network = network.eval()
        self.image_size = image_size
        self.normalize = normalize or Normalize()
        self.bgr = bgr
        self.flip = flip
        self.batch_size = batch_size
        self.alignment = alignment
        self.output = None if output is None else str(output)
        self.occluder = occluder

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(B, D)`` float32 embeddings of raw RGB ``(B, 3, H, W)`` images.

        Raises:
            ValueError: If the network fails, or returns no embeddings: in one line.
        """
        return self.outputs(images)["embedding"]

    def outputs(self, images: Tensor) -> StepOutput:
        """Return all that the network says of raw RGB ``(B, 3, H, W)`` images.

        Raises:
            ValueError: If the network fails, or returns neither embeddings nor a segmentation: in one line.
        """
        return self.outputs_of_pixels(self.pixels(images))

    def pixels(self, images: Tensor) -> Tensor:
        """Return raw RGB ``(B, 3, H, W)`` images as the network takes them: ``(B, C, H, W)`` in its own precision."""
        x: Tensor = self.normalize(images)
        dtypes = (weight.dtype for weight in self.network.parameters() if weight.is_floating_point())
        return (x.flip(1) if self.bgr else x).to(next(dtypes, x.dtype))

    def outputs_of_pixels(self, x: Tensor) -> StepOutput:
        """Return all that the network says of images as it takes them, see :meth:`outputs`."""
        found = self._outputs(x)
        if self.flip and "embedding" in found:
            found["embedding"] = found["embedding"] + self._outputs(x.flip(3))["embedding"]
        return found

    @property
    def is_program(self) -> bool:
        """Whether the network is run as a program in a file, or in batches of a fixed size: none that torch follows."""
        return isinstance(self.network, FileNetwork) or self.batch_size is not None

    def embedding_network(self) -> nn.Module:
        """Return the network from images as it takes them, ``(B, C, H, W)``, to embeddings ``(B, D)``.

        Raises:
            ValueError: If it makes no embeddings.
        """
        blank = self.pixels(torch.zeros(self.batch_size or 1, 3, self.image_size, self.image_size, device=self.device))
        with torch.no_grad(), foreign(f"a network that embeds images of shape {tuple(blank.shape)}"):
            shapes = {name: tuple(tensor.shape) for name, tensor in named_outputs(self.network(blank)).items()}
            found = roles(shapes, tuple(blank.shape), self.output).embedding
            if found is None:
                raise ValueError("a segmentation alone")
        if self.is_program:
            return _ProgramEmbedding(self)
        return EmbeddingNetwork(self.network, int(found) if found.isdecimal() else found, flip=self.flip)

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> StepOutput:
        """Return embeddings, and their quality, the segmentation and its probability where the network says them."""
        return self.outputs(batch["image"])

    test_step = predict_step

    def preprocessing(self) -> str:
        """Return what is done to an image, in words that differ where it does."""
        return f"{self.image_size} px, {self.normalize.extra_repr()}, bgr={self.bgr}, flip={self.flip}"

    def describe(self) -> str:
        """Return preprocessing and what else was settled for the user, in words."""
        return self.preprocessing()

    def _outputs(self, x: Tensor) -> StepOutput:
        batches = list(x.chunk(self.threads) if self.batch_size is None else filled_batches(x, self.batch_size))
        if self.threads == 1:
            return _joined([self._run(batch) for batch in batches], len(x))
        with ThreadPoolExecutor(self.threads) as pool:
            return _joined(list(pool.map(self._run, batches)), len(x))

    def _run(self, x: Tensor) -> StepOutput:
        name = getattr(self.network, "path", type(self.network).__name__)
        with torch.no_grad(), foreign(f"{name} to embed images of shape {tuple(x.shape)}"):
            outputs = named_outputs(self.network(x))
        shapes = {key: tuple(tensor.shape) for key, tensor in outputs.items()}
        found = roles(shapes, tuple(x.shape), self.output, network=name, segments=self.occluder is not None)
        said = StepOutput()
        if found.embedding is not None:
            said["embedding"] = outputs[found.embedding].float()
        if found.quality is not None:
            said["quality"] = outputs[found.quality].float().flatten()
        if self.occluder is not None:
            said["occluder_probability"] = self.occluder.probability(outputs, x, name)
        elif found.occluder is not None:
            said["occluder_probability"] = outputs[found.occluder].float()
        if "occluder_probability" in said:
            said["segmentation"] = (said["occluder_probability"] > 0.5).byte()
        return said


class _ProgramEmbedding(nn.Module):
    """An extractor as it runs, in its batches and threads, from images as its network takes them.

    Args:
        extractor: What is run.
    """

    def __init__(self, extractor: Extractor) -> None:
        super().__init__()
        self.extractor = extractor

    def forward(self, x: Tensor) -> Tensor:
        """Return the embeddings ``(B, D)`` of ``(B, C, H, W)`` images."""
        return self.extractor.outputs_of_pixels(x)["embedding"]


def _joined(parts: list[StepOutput], number: int) -> StepOutput:
    """Return the outputs of batches as those of one of ``number`` images, without what filled the last one up."""
    joined = StepOutput()
    for key in parts[0]:
        joined[key] = torch.cat([part[key] for part in parts])[:number]  # type: ignore[literal-required]  # its own
    return joined


def filled_batches(x: Tensor, size: int) -> Iterator[Tensor]:
    """Yield ``x`` in batches of ``size``; the last is filled up with copies of its last row.

    Example:
        >>> [batch.tolist() for batch in filled_batches(torch.tensor([1, 2, 3]), 2)]
        [[1, 2], [3, 3]]
    """
    for batch in torch.split(x, size):
        missing = size - len(batch)
        yield torch.cat([batch, batch[-1:].expand(missing, *batch.shape[1:])]) if missing else batch

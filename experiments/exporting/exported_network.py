"""A trained module as one network from raw pixels to embeddings and occluders."""

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import normalize

from experiments.cli import UserError
from lightning_modules import TripletModule
from lightning_modules.extractors.declared_pixels import RANGES
from lightning_modules.extractors.network_outputs import EMBEDDING, OCCLUDER_PROBABILITY
from lightning_modules.networks import Normalize, occluder_probability


class ExportedNetwork(nn.Module):
    """A module's network with its normalisation inside; weights are shared with the module.

    Args:
        module: One of this suite's, in evaluation.
        pixel_range: Of the images that it takes: ``0-255`` or ``0-1``.

    Attributes:
        outputs: Names of what it returns: ``embedding`` ``(B, D)``, ``occluder_probability`` ``(B, H, W)``.

    Raises:
        UserError: If the module makes neither.
    """

    normalize: Normalize

    def __init__(self, module: LightningModule, pixel_range: str) -> None:
        super().__init__()
        made = getattr(module, "makes", {}).get("test", ())
        named = {"embedding": EMBEDDING, "segmentation": OCCLUDER_PROBABILITY}
        self.outputs = [name for what, name in named.items() if what in made]
        if not self.outputs:
            raise UserError(f"Expected a module that embeds or segments faces, got {type(module).__name__}")
        self.network: nn.Module = module.network  # type: ignore[assignment]  # a module's attributes are untyped
        self.normalize = module.normalize  # type: ignore[assignment]  # as above
        self.unit_length = isinstance(module, TripletModule)
        self.scale = RANGES[pixel_range]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return what ``outputs`` names for float RGB images ``(B, 3, H, W)``."""
        dtype = next(self.network.parameters()).dtype
        # `forward` itself: what torch compiles for a training is not to be traced
        output = self.network.forward(self.normalize(images * self.scale).to(dtype))
        found = {EMBEDDING: getattr(output, "embedding", output)}
        if OCCLUDER_PROBABILITY in self.outputs:
            found[OCCLUDER_PROBABILITY] = occluder_probability(output.logits)
        if self.unit_length:
            found[EMBEDDING] = normalize(found[EMBEDDING])
        return tuple(found[name].to(torch.float32) for name in self.outputs)

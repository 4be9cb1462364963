"""The scores of pairs with an occluder centred at each pixel, computed in parts, each kept as soon as it is there."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from callbacks.occlusion_sensitivity.maps import NotFiniteError
from callbacks.occlusion_sensitivity.occluded_embeddings import NoDirectionError, OccludedEmbedder
from callbacks.occlusion_sensitivity.plan import Pair
from callbacks.occlusion_sensitivity.verification_maps import Covered, VerificationMaps, covered_scores
from datamodules.errors import DataError
from datamodules.plain_faces import image_digests, plain_faces
from datamodules.seams.face_source import FaceSource
from experiments.evaluation.face_outputs import Extraction
from experiments.runs.digests import digest
from experiments.verification_mapping.chosen_pairs import ChosenPairs
from experiments.verification_mapping.kept_scores import KeptScores

PAIRS_AT_ONCE = 8


class MapSettings(NamedTuple):
    """How faces are covered."""

    occluder: Pair
    """Height and width in pixels."""
    fill: float
    """Grey level, 0 to 255."""
    stride: int
    covered: Sequence[Covered]
    dense: bool = False


class FaceMapper:
    """Embeds a source's faces, as a model takes them, without and with an occluder.

    Args:
        extraction: The model, which has an ``embedding_network``.
        source: The faces.
        settings: Of the occluder.
        device: Where it is computed.

    Raises:
        DataError: If the occluder is larger than the model's images.
    """

    def __init__(self, extraction: Extraction, source: FaceSource, settings: MapSettings, device: torch.device) -> None:
        self.module = cast(Any, extraction.module.to(device).eval())
        self.size = extraction.image_size
        self.source = source
        self.device = device
        grey = torch.full((1, 3, 1, 1), settings.fill, device=device)
        is_program = getattr(self.module, "is_program", False)
        try:
            self.network = self.module.embedding_network()
            with torch.no_grad():
                self.fill: Tensor = self.module.pixels(grey).flatten()
            self.embed = OccludedEmbedder(
                self.network,
                self.module.pixels(torch.zeros(1, 3, self.size, self.size, device=device)),
                occluder_size=settings.occluder,
                fill=self.fill,
                stride=settings.stride,
                method="dense" if settings.dense or is_program else "incremental",
            )
        except ValueError as error:
            raise DataError(f"{extraction.name}: {error}") from error

    def images(self, indices: NDArray[np.int64]) -> Tensor:
        """Return faces as the network takes them, ``(N, C, H, W)``."""
        faces = plain_faces(self.source, indices, self.size)
        raw = np.stack([faces[k].image for k in range(len(faces))])  # (N, H, W, 3)
        with torch.no_grad():
            pixels: Tensor = self.module.pixels(torch.from_numpy(raw).permute(0, 3, 1, 2).to(self.device))
        return pixels

    def scores(
        self, first: NDArray[np.int64], second: NDArray[np.int64], covered: Sequence[Covered]
    ) -> Mapping[str, Tensor]:
        """Return the scores of pairs, ``(N, h, w)`` by what is covered, and ``clean``, ``(N,)``; on the processor.

        Raises:
            DataError: If an embedding is not finite or 0: the face is named.
        """
        faces, place = np.unique(np.concatenate([first, second]), return_inverse=True)
        try:
            found = self.embed(self.images(faces))
        except (NotFiniteError, NoDirectionError) as error:
            what = "finite embeddings" if isinstance(error, NotFiniteError) else "embeddings other than 0"
            name = self.source.name(int(faces[error.image]))
            raise DataError(f"{name}: expected {what} of it, covered or not, got others") from error
        one, other = (found.at(torch.from_numpy(side).to(self.device)) for side in np.split(place.reshape(-1), 2))
        scores: dict[str, Tensor] = {kind: covered_scores(one, other, kind).cpu() for kind in covered}
        return {**scores, "clean": (one.clean * other.clean).sum(1).cpu()}

    def maps(self, pairs: ChosenPairs, covered: Sequence[Covered], kept: KeptScores) -> dict[Covered, VerificationMaps]:
        """Return the maps of all pairs, by what is covered; those that are kept are not computed again."""
        starts = range(0, len(pairs.first), PAIRS_AT_ONCE)
        parts = {self._name(pairs.part(start, PAIRS_AT_ONCE)): pairs.part(start, PAIRS_AT_ONCE) for start in starts}
        for name in track([name for name in parts if name not in kept], "Pairs", transient=True):
            kept.add(name, self.scores(parts[name].first, parts[name].second, covered))
        clean = kept.joined("clean", list(parts))
        at = (self.embed.rows.cpu(), self.embed.columns.cpu())
        return {kind: VerificationMaps(kept.joined(kind, list(parts)), clean, *at) for kind in covered}

    def _name(self, pairs: ChosenPairs) -> str:
        images = map(int, (*pairs.first, *pairs.second))
        return digest(*(pixels.hex() for pixels in image_digests(self.source, images)))

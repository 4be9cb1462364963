"""Occlusion maps of identification: how much a probe's comparison with a gallery suffers from an occluder."""

from typing import NamedTuple, Unpack

import torch
from torch import Tensor, nn

from callbacks.metrics.directions import directions
from callbacks.occlusion_sensitivity.maps import MEMORY
from callbacks.occlusion_sensitivity.occluded_embeddings import OccludedEmbedder, OcclusionSettings, counted_from
from callbacks.occlusion_sensitivity.verification_maps import check_threshold


class GalleryMaps(NamedTuple):
    """Scores of :math:`N` probes at :math:`h × w` centres of the occluder."""

    mate: Tensor
    """``(N, h, w)`` float32: the highest similarity to an image of the probe's identity."""
    other: Tensor
    """``(N, h, w)``: the highest to an image of another; −∞ where there is none."""
    clean_mate: Tensor
    """``(N,)``: without an occluder."""
    clean_other: Tensor
    """``(N,)``."""
    rows: Tensor
    """``(h,)``: rows of the centres."""
    columns: Tensor
    """``(w,)``: columns of the centres."""

    def lost(self, threshold: float | None = None) -> Tensor:
        """Return where a probe is not found, ``(N, h, w)`` bool.

        It is found if its mate is the most alike of all, a tie being none, and reaches the threshold, if there is one.

        Raises:
            ValueError: If the threshold is not in [−1, 1].
        """
        return self._lost(self.mate, self.other, threshold)

    def lost_clean(self, threshold: float | None = None) -> Tensor:
        """Return which probes are not found without an occluder either, ``(N,)`` bool."""
        return self._lost(self.clean_mate, self.clean_other, threshold)

    @staticmethod
    def _lost(mate: Tensor, other: Tensor, threshold: float | None) -> Tensor:
        lost = mate <= other
        if threshold is not None:
            check_threshold(threshold)
            lost = lost | (mate < threshold)
        return lost


@torch.no_grad()
def gallery_maps(
    network: nn.Module,
    probes: Tensor,
    identities: Tensor,
    gallery: Tensor,
    gallery_identities: Tensor,
    **settings: Unpack[OcclusionSettings],
) -> GalleryMaps:
    """Compute the occlusion maps of probes that are compared with a gallery; its faces are not covered.

    Args:
        network: Maps images to embeddings ``(B, D)`` of whatever length; put into evaluation mode meanwhile.
        probes: ``(N, C, H, W)``, as the network takes them.
        identities: Whom they show, ``(N,)``.
        gallery: Embeddings of the enrolled images ``(G, D)``, of the same network.
        gallery_identities: ``(G,)``.
        settings: See :class:`~callbacks.occlusion_sensitivity.occluded_embeddings.OcclusionSettings`.

    Raises:
        ValueError: If shapes do not fit, a setting is out of range, a probe has no mate, or the gallery is not finite.
        NotFiniteError: If an embedding of a probe is not finite.
        NoDirectionError: If one without an occluder is 0.

    Example:
        >>> probe, gallery = torch.tensor([[[[3.0, 4.0]]]]), torch.tensor([[4.0, 3.0], [1.0, -1.0]])
        >>> settings = {"occluder_size": (1, 1), "method": "dense"}
        >>> maps = gallery_maps(nn.Flatten(), probe, torch.tensor([7]), gallery, torch.tensor([7, 5]), **settings)
        >>> maps.mate, maps.other, maps.lost()  # what is left of the face is as near to the other
        (tensor([[[0.6000, 0.8000]]]), tensor([[[-0.7071,  0.7071]]]), tensor([[[False, False]]]))
    """
    _check_gallery(probes, identities, gallery, gallery_identities)
    embed = OccludedEmbedder(network, probes, **settings)
    clean = embed.clean(probes)
    if gallery.shape[1] != clean.shape[1]:
        raise ValueError(f"Expected a gallery (G, {clean.shape[1]}), as the probes', got {tuple(gallery.shape)}")
    enrolled = directions(gallery)
    step = max(1, settings.get("memory", MEMORY) // (2 * embed.bytes_per_image(clean)))
    mate, other = [], []
    for start in range(0, len(probes), step):
        with counted_from(start):
            found = embed(probes[start : start + step])
        mates = gallery_identities == identities[start : start + step, None]  # (N, G)
        for face, own in zip(found.occluded, mates, strict=True):
            best = _best(face.flatten(0, 1), enrolled, own.expand(face.shape[0] * face.shape[1], -1))
            mate.append(best[0].view(face.shape[:2]))
            other.append(best[1].view(face.shape[:2]))
    without = _best(clean, enrolled, gallery_identities == identities[:, None])
    return GalleryMaps(torch.stack(mate), torch.stack(other), *without, embed.rows, embed.columns)


def _best(faces: Tensor, enrolled: Tensor, mates: Tensor) -> tuple[Tensor, Tensor]:
    """Return the highest similarities ``(M,)`` to a mate and to another, of ``(M, D)`` directions."""
    scores = faces @ enrolled.T  # (M, G)
    return scores.masked_fill(~mates, -torch.inf).amax(1), scores.masked_fill(mates, -torch.inf).amax(1)


def _check_gallery(probes: Tensor, identities: Tensor, gallery: Tensor, gallery_identities: Tensor) -> None:
    if identities.shape != probes.shape[:1] or not len(probes):
        raise ValueError(f"Expected `identities` of shape ({len(probes)},), one or more, got {tuple(identities.shape)}")
    if gallery.ndim != 2 or gallery_identities.shape != gallery.shape[:1] or not gallery.numel():
        got = f"{tuple(gallery.shape)} and {tuple(gallery_identities.shape)}"
        raise ValueError(f"Expected a gallery (G, D) with G identities, got {got}")
    if not gallery.isfinite().all():
        raise ValueError("Expected a finite gallery, got NaN or infinity")
    alone = ~torch.isin(identities, gallery_identities)
    if alone.any():
        first = int(alone.int().argmax())
        raise ValueError(f"Expected a gallery image of every probe's identity, got none of probe {first}'s")

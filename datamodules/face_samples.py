"""One face before it is in a batch, and the batch that faces are put into."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from datamodules.augmentation import Change
from datamodules.device_drawing import joined
from datamodules.occluders.drawing_plan import Layer
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.face_source import UInt8Image
from datamodules.shared_memory import hand_over


@dataclass(frozen=True, slots=True)
class FaceSample:
    """One face, before collation."""

    image: UInt8Image
    mask: UInt8Image
    identity: int
    index: int
    occluder: str
    name: str = ""
    clean: UInt8Image | None = None
    unfinished: tuple[Sequence[Layer], Change] | None = None
    """What a device is still to draw, and to change."""


def collate_faces(samples: list[FaceSample]) -> FaceBatch:
    """Stack samples into a batch; images are channels-last in memory, which costs no copy and runs faster."""
    images = torch.from_numpy(np.stack([sample.image for sample in samples]))  # (B, H, W, 3)
    clean = [sample.clean for sample in samples if sample.clean is not None]
    masks = torch.from_numpy(np.stack([sample.mask for sample in samples]))
    identities = torch.tensor([sample.identity for sample in samples])
    indices = torch.tensor([sample.index for sample in samples])
    views = [torch.from_numpy(np.stack(clean))] if clean else []  # (B, H, W, 3)
    hand_over([images, masks, identities, indices, *views])
    batch = FaceBatch(
        image=images.permute(0, 3, 1, 2),
        mask=masks,
        identity=identities,
        index=indices,
        occluder=[sample.occluder for sample in samples],
        name=[sample.name for sample in samples],
    )
    unfinished = [sample.unfinished for sample in samples if sample.unfinished is not None]
    if unfinished:
        batch["drawing"] = joined([layers for layers, _ in unfinished], [change for _, change in unfinished])
    if views:
        batch["clean"] = views[0].permute(0, 3, 1, 2)
    return batch

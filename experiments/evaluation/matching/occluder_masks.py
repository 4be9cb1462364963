"""The masks of a protocol's images: its own label maps, or what a model segments."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.errors import DataError
from datamodules.plain_faces import plain_faces
from datamodules.protocols import EvaluationProtocol
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.face_source import FaceSource, UInt8Image
from datamodules.seams.label_maps import LabelMaps, resized_labels
from experiments.cli import UserError
from experiments.cli.first_process import warn
from experiments.evaluation.embedding_cache import cached_rows
from experiments.evaluation.embedding_key import arithmetic
from experiments.evaluation.face_outputs import Computing, OutputCollector
from experiments.evaluation.matching.comparison_options import LABELS
from experiments.evaluation.matching.face_comparison import Masks
from experiments.runs.digests import digest
from lightning_modules.outputs import StepOutput
from losses.label_map import OCCLUDER

LABEL_SIZE = 112
"""Side at which label maps are kept, in pixels."""


@dataclass(frozen=True)
class OccluderMasks:
    """A mask for each image, a bit for each pixel."""

    bits: NDArray[np.uint8]
    """``(N, ⌈S² / 8⌉)``."""
    side: int
    """S in pixels."""

    def mask(self, index: int, side: int) -> UInt8Image:
        """Return the mask of an image, ``(side, side)`` uint8: 1 where at least half of a pixel is covered."""
        mask = np.unpackbits(self.bits[index], count=self.side**2).reshape(self.side, self.side)
        if side == self.side:
            return mask
        interpolation = cv2.INTER_AREA if side < self.side else cv2.INTER_LINEAR
        return (cv2.resize(mask.astype(np.float32), (side, side), interpolation=interpolation) >= 0.5).astype(np.uint8)

    def shares(self) -> Tensor:
        """Return the share of each image that is covered, ``(N,)`` float32."""
        return torch.from_numpy(np.bitwise_count(self.bits).sum(1, dtype=np.int64) / self.side**2).float()


def occluder_masks(
    masks: Masks,
    protocol: EvaluationProtocol,
    computing: Computing,
    *,
    digests: Sequence[bytes],
    cache: Path | None,
) -> OccluderMasks:
    """Return the masks of all images of a protocol.

    Args:
        masks: Where they come from.
        protocol: Its images.
        computing: How a model is run.
        digests: Of the images.
        cache: Folder where what is segmented is kept; ``None`` keeps nothing.

    Raises:
        UserError: If it is to have label maps, and has none.
        DataError: If an image cannot be read.
    """
    source = protocol.source
    if masks.model is None:
        if not isinstance(source, LabelMaps):
            warn(f"{protocol.name}: has no label maps, its faces are taken for uncovered")
            return OccluderMasks(np.zeros((len(source), LABEL_SIZE**2 // 8), np.uint8), LABEL_SIZE)
        return OccluderMasks(_labelled(source), LABEL_SIZE)
    extraction = masks.model.extraction
    collector = OutputCollector("segmentation", _packed, computing)
    side = extraction.image_size

    def compute(indices: Sequence[int]) -> NDArray[np.uint8]:
        faces = plain_faces(source, np.asarray(indices, np.int64), side)
        rows: NDArray[np.uint8] = collector.values(extraction, faces).numpy()
        return rows

    folder = None if cache is None else cache / digest("masks", extraction.key, arithmetic(collector.trainer))
    rows = cached_rows(digests, folder, compute, label=f"{masks.name}: masks")
    return OccluderMasks(rows, side)


def check_masks(masks: Masks, protocols: Sequence[EvaluationProtocol], option: str) -> None:
    """Refuse what has no masks, before anything is embedded.

    Raises:
        UserError: If a model does not segment, or a protocol has no label maps, or compares templates.
    """
    if masks.model is not None and "segmentation" not in masks.model.makes:
        raise UserError(f"Expected {option} of a model that segments faces, got {masks.model.path}")
    for protocol in protocols:
        if protocol.templates is not None:
            raise UserError(f"Expected a protocol that compares images with {option}, got {protocol.name}'s templates")
    if masks.model is None and not any(isinstance(protocol.source, LabelMaps) for protocol in protocols):
        names = ", ".join(protocol.name for protocol in protocols)
        raise UserError(f"Expected a protocol with label maps for {option} {LABELS}, got {names}")


def _labelled(source: FaceSource) -> NDArray[np.uint8]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.stack(list(pool.map(lambda index: np.packbits(_label(source, index)), range(len(source)))))


def _label(source: Any, index: int) -> UInt8Image:
    given: UInt8Image = source.label_map(index)
    shape = source.image(index).shape[:2]
    if given.shape != shape:
        raise DataError(f"{source.name(index)}: expected a label map of its size {shape}, got {given.shape}")
    label: UInt8Image = (resized_labels(given, LABEL_SIZE) == OCCLUDER).astype(np.uint8)
    return label


def _packed(outputs: StepOutput, batch: FaceBatch) -> Tensor:
    segmentation = outputs["segmentation"]
    if segmentation.shape[1:] != batch["image"].shape[2:]:
        raise UserError(
            f"Expected masks of the images' size {tuple(batch['image'].shape[2:])}, got {tuple(segmentation.shape[1:])}"
        )
    return torch.from_numpy(np.packbits(segmentation.cpu().numpy().reshape(len(segmentation), -1), axis=1))

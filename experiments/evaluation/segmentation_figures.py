"""The figures of a segmentation protocol: reliability, measures by condition, and faces with what is seen in them."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from callbacks.figures.image_grid import save_grid, segmentation_rows
from callbacks.figures.segmentation_figures import Rate, draw_rates, draw_reliability
from callbacks.metrics import class_iou
from callbacks.recognition.measure_names import with_interval
from datamodules.face_samples import collate_faces
from datamodules.plain_faces import LabelledFaces
from datamodules.protocols import EvaluationProtocol
from datamodules.protocols.labelled_images import ALL
from experiments.evaluation.face_outputs import Extraction
from experiments.evaluation.protocol_figures import NUM_ERRORS, draw_or_warn
from experiments.evaluation.segmentation_scores import SegmentationScores
from lightning_modules.networks.dry_run import evaluating

PANELS = {"IoU": "iou", "IoU of occluders": "iou_occluded", "boundary F": "boundary_f", "false alarms": "false_alarm"}


def draw_labelled(
    extraction: Extraction,
    protocol: EvaluationProtocol,
    scores: SegmentationScores,
    rows: Mapping[str, Mapping[str, float]],
    folder: Path,
) -> None:
    """Draw a segmentation's figures; one that cannot be drawn is a warning and costs no other.

    Args:
        extraction: What segments.
        protocol: Its images.
        scores: Of each of them.
        rows: The measures, by condition.
        folder: Where the pictures go.
    """
    if scores.reliability is not None:
        whole = torch.from_numpy(protocol.segmentation[ALL]) if ALL in protocol.segmentation else slice(None)
        counts = {protocol.name: scores.reliability[whole].sum(0)}
        draw_or_warn(folder / "reliability.png", partial(draw_reliability, counts))
    panels = {
        title: {name: rate for name, found in rows.items() if (rate := _rate(found, measure)) is not None}
        for title, measure in PANELS.items()
    }
    told = {name: rates for name, rates in panels.items() if rates}
    draw_or_warn(folder / "by_condition.png", partial(draw_rates, told, list(rows)))
    order = _from_worst(scores)
    draw_or_warn(folder / "worst.png", partial(_draw_faces, extraction, protocol, order[:NUM_ERRORS]))
    typical = order[torch.linspace(0, max(0, len(order) - 1), min(NUM_ERRORS, len(order))).long()]
    draw_or_warn(folder / "segmentation.png", partial(_draw_faces, extraction, protocol, typical))


def _rate(found: Mapping[str, float], measure: str) -> Rate | None:
    return Rate(*(found[name] for name in with_interval(measure))) if measure in found else None


def _from_worst(scores: SegmentationScores) -> Tensor:
    """Return the images by the mean IoU of their pixels, the worst first; covered ones alone where there are some."""
    iou = torch.stack([class_iou(one).mean() for one in scores.confusion])
    covered = scores.confusion[:, 1].sum(1) > 0
    order = iou.argsort(stable=True)
    return order[covered[order]] if bool(covered.any()) else order


def _draw_faces(extraction: Extraction, protocol: EvaluationProtocol, chosen: Tensor, path: Path) -> None:
    """Draw faces, and the same with the true and the seen occluder; what is ignored is dark."""
    faces = LabelledFaces(protocol.source, extraction.image_size)
    batch = collate_faces([faces[int(index)] for index in chosen])
    with evaluating(extraction.module):
        output: Any = extraction.module.cpu().test_step(batch, 0)
    seen = output["segmentation"].cpu()
    columns = zip(batch["image"], batch["mask"], seen, strict=True)
    save_grid(path, *segmentation_rows([{"image": i, "mask": m, "segmentation": s} for i, m, s in columns]))

"""Pictures of what is compared: faces, what is taken for an occluder, and faces that wear it."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from callbacks.figures.image_grid import pixels, save_grid, tinted
from callbacks.recognition.pair_scorer import Indices
from callbacks.recognition.reranking import Reranking
from datamodules.protocols import EvaluationProtocol
from datamodules.seams.face_source import UInt8Image
from experiments.evaluation.matching.dressed_faces import DressedFaces
from experiments.evaluation.matching.matched_pairs import MatchedPairs
from experiments.evaluation.protocol_figures import draw_or_warn

SHOWN = 8
FILE = "matched.png"


def draw_matched(protocol: EvaluationProtocol, reranking: Reranking | None, folder: Path) -> None:
    """Draw genuine pairs of which the second is covered, a column each; nothing where there is none.

    Rows are the first face, the second, what is taken for its occluder, and the first face under it.

    Args:
        protocol: What was compared with what.
        reranking: What has scored it.
        folder: Where the picture goes.
    """
    if reranking is None or not isinstance(reranking.scorer, MatchedPairs):
        return
    first, second = _chosen(protocol, reranking.scorer)
    if len(first):
        draw_or_warn(folder / FILE, partial(_draw, reranking.scorer.dressed(first, second)))


def _draw(faces: DressedFaces, path: Path) -> None:
    rows = range(len(faces))
    one, other = (
        torch.stack([_tensor(faces.face(image)) for image in images.tolist()]) for images in (faces.wearers, faces.worn)
    )
    worn = torch.stack([_tensor(faces.image(row)) for row in rows])
    covered = torch.stack([torch.from_numpy(faces.masks.mask(int(faces.worn[row]), faces.side)) for row in rows])
    save_grid(path, pixels(one), pixels(other), tinted(pixels(other), covered), pixels(worn))


def _chosen(protocol: EvaluationProtocol, scorer: MatchedPairs) -> tuple[Indices, Indices]:
    """Return genuine pairs, as many of each condition and other ones of each, as far as there are."""
    covered = [np.flatnonzero(pairs.same & scorer.counts[pairs.second]) for pairs in protocol.verification.values()]
    each = -(-SHOWN // max(1, sum(len(rows) > 0 for rows in covered)))
    found: list[tuple[int, int]] = []
    for pairs, those in zip(protocol.verification.values(), covered, strict=True):
        rows = np.roll(those, -len(found))[:each]
        found += zip(pairs.first[rows].tolist(), pairs.second[rows].tolist(), strict=True)
    indices = np.array(list(dict.fromkeys(found))[:SHOWN], np.int64).reshape(-1, 2)
    return indices[:, 0], indices[:, 1]


def _tensor(image: UInt8Image) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)

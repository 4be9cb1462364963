"""The figures of an evaluation."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from callbacks.figures.image_grid import draw_responses
from callbacks.figures.recognition_figures import (
    WrongPair,
    draw_cmc,
    draw_embeddings,
    draw_errors,
    draw_roc,
    draw_scores,
)
from callbacks.metrics.directions import directions
from callbacks.recognition.recognise import Recognition
from callbacks.recognition.verification import Verified
from datamodules.face_samples import collate_faces
from datamodules.plain_faces import plain_faces
from datamodules.protocols import EvaluationProtocol
from experiments.cli.first_process import warn
from experiments.evaluation.embedding import Embeddings
from experiments.evaluation.face_outputs import Extraction
from experiments.evaluation.protocol_measures import compared
from experiments.runs.digests import slugs
from lightning_modules.networks.dry_run import evaluating
from lightning_modules.networks.foreign import foreign

NUM_ERRORS = 8
NUM_IDENTITIES = 10


def draw_figures(protocol: EvaluationProtocol, embeddings: Embeddings, recognition: Recognition, folder: Path) -> None:
    """Draw what a protocol has: ROC, scores and worst errors of pairs, CMC and a map of embeddings of probes.

    A figure that cannot be drawn is a warning and costs no other.

    Args:
        protocol: What was compared with what.
        embeddings: ``(N, D)``.
        recognition: What became of it.
        folder: Where the pictures go.
    """
    told = {name: v for name, v in recognition.verification.items() if bool(v.same.any()) and not bool(v.same.all())}
    if told:
        draw_or_warn(folder / "roc.png", partial(draw_roc, told))
        draw_or_warn(folder / "scores.png", partial(draw_scores, told))
    files = slugs(told)
    for name, found in told.items():
        draw_or_warn(folder / f"errors_{files[name]}.png", partial(_draw_worst, protocol, name, found))
    if recognition.identification:
        draw_or_warn(folder / "cmc.png", partial(draw_cmc, recognition.identification))
        draw_or_warn(folder / "embeddings.png", partial(_draw_map, protocol, embeddings))


def draw_segmentation(extraction: Extraction, protocol: EvaluationProtocol, folder: Path) -> None:
    """Draw what a module that segments sees in the second images of pairs, or in probes; see :func:`draw_figures`."""
    draw_or_warn(folder / "segmentation.png", partial(_draw_segmented, extraction, protocol))


def draw_or_warn(path: Path, draw: Callable[[Path], None]) -> None:
    """Draw a figure; where that fails, warn, and leave nothing."""
    try:
        with foreign(f"to draw {path}"):
            draw(path)
    except ValueError as error:
        with suppress(OSError):
            path.unlink(missing_ok=True)  # what is half drawn
        warn(str(error))


def _draw_segmented(extraction: Extraction, protocol: EvaluationProtocol, path: Path) -> None:
    listed = [pairs.second for pairs in protocol.verification.values()]
    listed += [faces.probes for faces in protocol.identification.values()]
    shown = protocol.shown
    chosen = list(dict.fromkeys(int(shown[i]) for indices in listed for i in indices[:NUM_ERRORS]))[: 2 * NUM_ERRORS]
    dataset = plain_faces(protocol.source, np.array(chosen), extraction.image_size)
    batch = collate_faces([dataset[row] for row in range(len(dataset))])
    with evaluating(extraction.module):
        output: Any = extraction.module.cpu().test_step(batch, 0)
    draw_responses(batch["image"], output, path)


def _draw_worst(protocol: EvaluationProtocol, condition: str, found: Verified, path: Path) -> None:
    pairs, image, shown = protocol.verification[condition], protocol.source.image, protocol.shown
    worst = []
    for genuine in (False, True):
        rows = torch.nonzero(found.same == genuine).squeeze(1)
        rows = rows[found.scores[rows].argsort(descending=not genuine)[:NUM_ERRORS]]
        images = ((int(pairs.first[row]), int(pairs.second[row]), float(found.scores[row])) for row in rows.tolist())
        worst.append([WrongPair(image(int(shown[a])), image(int(shown[b])), score) for a, b, score in images])
    draw_errors(worst[0], worst[1], path)


def _draw_map(protocol: EvaluationProtocol, embeddings: Embeddings, path: Path) -> None:
    """Draw t-SNE of some identities' gallery and probe faces, cosine distances."""
    from sklearn.manifold import TSNE  # noqa: PLC0415  takes a second: pay only when used

    coarse = {name: faces for name, faces in protocol.identification.items() if "/" not in name}  # no part of another
    gallery = np.unique(np.concatenate([faces.gallery for faces in protocol.identification.values()]))
    shown = {"gallery": gallery, **{name: faces.probes for name, faces in coarse.items()}}
    identities = protocol.identities
    chosen = np.unique(identities[gallery])[:NUM_IDENTITIES]
    rows = [(int(i), name) for name, indices in shown.items() for i in indices if identities[i] in chosen]
    if len(rows) < 5:
        return
    indices = np.array([index for index, _ in rows])
    unit = directions(compared(protocol, torch.from_numpy(embeddings))[indices]).numpy()
    perplexity = min(15.0, (len(rows) - 1) / 3)
    points = TSNE(metric="cosine", init="random", perplexity=perplexity, random_state=0).fit_transform(unit)
    names = [protocol.identity(int(i)) for i in indices]
    draw_embeddings(points.astype(np.float64), names, [name for _, name in rows], path)

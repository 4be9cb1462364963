"""The figures of an evaluation."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from callbacks.figures.recognition_figures import (
    Curve,
    Error,
    draw_cmc,
    draw_embeddings,
    draw_errors,
    draw_roc,
    draw_scores,
)
from callbacks.figures.sample_figures import draw_responses
from callbacks.metrics import roc_band, roc_curve
from callbacks.metrics.directions import directions
from callbacks.recognition.recognise import Recognition
from callbacks.recognition.verification import Verified
from datamodules.dataset import collate_faces
from datamodules.protocols import EvaluationProtocol, Identification, VerificationPairs
from experiments.evaluation.embedding import Embeddings, Extraction
from experiments.evaluation.face_images import plain_faces
from experiments.first_process import warn
from experiments.slugs import slugs
from lightning_modules.networks.dry_run import evaluating
from lightning_modules.networks.foreign import foreign

NUM_ERRORS = 8
NUM_PEOPLE = 10
BAND_POINTS = 24
RESAMPLES = 200


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
        _draw(folder / "roc.png", lambda path: draw_roc({name: _curve(found) for name, found in told.items()}, path))
        _draw(folder / "scores.png", lambda path: draw_scores({n: _kinds(found) for n, found in told.items()}, path))
    files = slugs(told)
    for name, found in told.items():
        _draw(folder / f"errors_{files[name]}.png", partial(_draw_worst, protocol, name, found))
    if recognition.identification:
        rates = {name: found.cmc.numpy() for name, found in recognition.identification.items()}
        _draw(folder / "cmc.png", partial(draw_cmc, rates))
        _draw(folder / "embeddings.png", partial(_draw_map, protocol, embeddings))


def draw_segmentation(extraction: Extraction, protocol: EvaluationProtocol, folder: Path) -> None:
    """Draw what a module that segments sees in the second images of pairs, or in probes; see :func:`draw_figures`."""
    _draw(folder / "segmentation.png", partial(_draw_segmented, extraction, protocol))


def _draw(path: Path, draw: Callable[[Path], None]) -> None:
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
    chosen = list(dict.fromkeys(int(i) for indices in listed for i in indices[:NUM_ERRORS]))[: 2 * NUM_ERRORS]
    dataset = plain_faces(protocol.source, np.array(chosen), extraction.image_size)
    batch = collate_faces([dataset[row] for row in range(len(dataset))])
    with evaluating(extraction.module):
        output: Any = extraction.module.cpu().test_step(batch, 0)
    draw_responses(batch["image"], output, path)


def _draw_worst(protocol: EvaluationProtocol, condition: str, found: Verified, path: Path) -> None:
    pairs = protocol.verification[condition]
    accepts, rejects = (_worst(protocol, pairs, found, genuine=genuine) for genuine in (False, True))
    draw_errors(accepts, rejects, path)


def _curve(found: Verified) -> Curve:
    far, tar, _ = roc_curve(found.scores, found.same, drop_intermediate=True)
    lowest = 1 / int((~found.same).sum())
    rates = np.geomspace(lowest, 1, BAND_POINTS).clip(lowest, 1)
    lower, upper = roc_band(found.scores, found.same, rates.tolist(), resamples=RESAMPLES)
    return Curve(far.numpy(), tar.numpy(), (rates, lower.numpy(), upper.numpy()))


def _kinds(found: Verified) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scores = found.scores.double()
    return scores[found.same].numpy(), scores[~found.same].numpy()


def _worst(protocol: EvaluationProtocol, pairs: VerificationPairs, found: Verified, *, genuine: bool) -> list[Error]:
    rows = torch.nonzero(found.same == genuine).squeeze(1)
    order = found.scores[rows].argsort(descending=not genuine)[:NUM_ERRORS]
    return [
        Error(
            protocol.source.image(int(pairs.first[row])),
            protocol.source.image(int(pairs.second[row])),
            float(found.scores[row]),
        )
        for row in rows[order].tolist()
    ]


def _draw_map(protocol: EvaluationProtocol, embeddings: Embeddings, path: Path) -> None:
    """Draw t-SNE of some people's gallery and probe faces, cosine distances."""
    from sklearn.manifold import TSNE  # noqa: PLC0415  takes a second: pay only when used

    faces = {"gallery": _gallery(protocol), **{name: f.probes for name, f in _coarse(protocol).items()}}
    people = protocol.source.identities
    chosen = np.unique(people[faces["gallery"]])[:NUM_PEOPLE]
    rows = [(int(i), name) for name, indices in faces.items() for i in indices if people[i] in chosen]
    if len(rows) < 5:
        return
    indices = np.array([index for index, _ in rows])
    unit = directions(torch.from_numpy(embeddings[indices])).numpy()
    perplexity = min(15.0, (len(rows) - 1) / 3)
    points = TSNE(metric="cosine", init="random", perplexity=perplexity, random_state=0).fit_transform(unit)
    names = [str(protocol.source.identity_names[people[i]]) for i in indices]
    draw_embeddings(points.astype(np.float64), names, [name for _, name in rows], path)


def _coarse(protocol: EvaluationProtocol) -> dict[str, Identification]:
    """Return the conditions that are no part of another."""
    return {name: f for name, f in protocol.identification.items() if "/" not in name}


def _gallery(protocol: EvaluationProtocol) -> NDArray[np.int64]:
    return np.unique(np.concatenate([faces.gallery for faces in protocol.identification.values()]))

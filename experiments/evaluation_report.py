"""The figures of an evaluation."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.evaluation_figures import Curve, Error, draw_cmc, draw_embeddings, draw_errors, draw_roc, draw_scores
from callbacks.figures import draw_responses
from datamodules.dataset import collate_faces
from datamodules.protocols import EvaluationProtocol, Identification, VerificationPairs
from experiments.embedding import Extraction, plain_faces
from experiments.evaluation import Evaluation, Verification, band, curve

NUM_ERRORS = 8
NUM_PEOPLE = 10
BAND_POINTS = 24


def draw_figures(
    protocol: EvaluationProtocol, embeddings: NDArray[np.float32], evaluation: Evaluation, folder: Path
) -> None:
    """Draw what a protocol has: ROC, scores and worst errors of pairs, CMC and a map of embeddings of probes.

    Args:
        protocol: What was compared with what.
        embeddings: ``(N, D)``.
        evaluation: What became of it.
        folder: Where the pictures go.
    """
    told = {name: v for name, v in evaluation.verification.items() if bool(v.same.any()) and not bool(v.same.all())}
    if told:
        draw_roc({name: _curve(found) for name, found in told.items()}, folder / "roc.png")
        draw_scores({name: _kinds(found) for name, found in told.items()}, folder / "scores.png")
    for name, found in told.items():
        errors = [_worst(protocol, protocol.verification[name], found, genuine=genuine) for genuine in (False, True)]
        draw_errors(errors[0], errors[1], folder / f"errors_{_slug(name)}.png")
    if evaluation.identification:
        rates = {name: found.cmc.numpy() for name, found in evaluation.identification.items()}
        draw_cmc(rates, folder / "cmc.png")
        _draw_map(protocol, embeddings, folder / "embeddings.png")


def draw_segmentation(extraction: Extraction, protocol: EvaluationProtocol, folder: Path) -> None:
    """Draw what a module that segments sees in the second images of pairs, or in probes; nothing of others."""
    listed = [pairs.second for pairs in protocol.verification.values()]
    listed += [faces.probes for faces in protocol.identification.values()]
    chosen = list(dict.fromkeys(int(i) for indices in listed for i in indices[:NUM_ERRORS]))[: 2 * NUM_ERRORS]
    dataset = plain_faces(protocol.source, np.array(chosen), extraction.image_size)
    batch = collate_faces([dataset[row] for row in range(len(dataset))])
    with torch.no_grad():
        output = extraction.module.cpu().test_step(batch, 0)
    if isinstance(output, dict) and "segmentation" in output:
        draw_responses(batch["image"], output, folder / "segmentation.png")  # type: ignore[arg-type]  # it is a StepOutput


def _curve(found: Verification) -> Curve:
    far, tar = (rates.numpy() for rates in curve(found))
    lowest = 1 / int((~found.same).sum())
    rates = np.geomspace(lowest, 1, BAND_POINTS).clip(lowest, 1)
    lower, upper = band(found, tuple(rates.tolist()))
    return Curve(far, tar, (rates, lower.numpy(), upper.numpy()))


def _kinds(found: Verification) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scores = found.scores.double()
    return scores[found.same].numpy(), scores[~found.same].numpy()


def _worst(
    protocol: EvaluationProtocol, pairs: VerificationPairs, found: Verification, *, genuine: bool
) -> list[Error]:
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


def _draw_map(protocol: EvaluationProtocol, embeddings: NDArray[np.float32], path: Path) -> None:
    """Draw t-SNE of some people's gallery and probe faces, cosine distances."""
    from sklearn.manifold import TSNE  # noqa: PLC0415  takes a second: pay only when used

    faces = {"gallery": _gallery(protocol), **{name: f.probes for name, f in _coarse(protocol).items()}}
    people = protocol.source.identities
    chosen = np.unique(people[faces["gallery"]])[:NUM_PEOPLE]
    rows = [(int(i), name) for name, indices in faces.items() for i in indices if people[i] in chosen]
    if len(rows) < 5:
        return
    indices = np.array([index for index, _ in rows])
    directions: Tensor = torch.nn.functional.normalize(torch.from_numpy(embeddings[indices]))
    perplexity = min(15.0, (len(rows) - 1) / 3)
    points = TSNE(metric="cosine", init="random", perplexity=perplexity, random_state=0).fit_transform(
        directions.numpy()
    )
    names = [str(protocol.source.identity_names[people[i]]) for i in indices]
    draw_embeddings(points.astype(np.float64), names, [name for _, name in rows], path)


def _coarse(protocol: EvaluationProtocol) -> dict[str, Identification]:
    """Return the conditions that are no part of another."""
    return {name: f for name, f in protocol.identification.items() if "/" not in name}


def _gallery(protocol: EvaluationProtocol) -> NDArray[np.int64]:
    return np.unique(np.concatenate([faces.gallery for faces in protocol.identification.values()]))


def _slug(name: str) -> str:
    return name.replace("/", "-").replace(" ", "_")

"""The models of an evaluation: built from what was given, and named so that no two are taken for each other."""

import os
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from datamodules.face_samples import collate_faces
from datamodules.plain_faces import plain_faces
from datamodules.sources import FaceSource
from experiments.cli import UserError
from experiments.evaluation.brought_models import brought
from experiments.evaluation.face_outputs import Extraction
from experiments.evaluation.matching.face_comparison import FaceComparison
from experiments.evaluation.trained_module import load_trained
from experiments.runs.digests import digest
from lightning_modules.networks.dry_run import evaluating
from lightning_modules.networks.foreign import foreign

LEAST_ALIKE = 0.99
"""Cosine of one image's embeddings alone and beside another: rounding, also of quantised networks, stays above."""


class Model(NamedTuple):
    """What is evaluated."""

    extraction: Extraction
    path: str
    """As it was given."""
    makes: frozenset[str] = frozenset()
    """What its test step returns: ``embedding``, ``segmentation``."""
    alignment: str | None = None
    """Name of the alignment of the faces that it takes, where it declares one."""
    comparison: FaceComparison = FaceComparison()
    """How its images are compared."""

    @property
    def name(self) -> str:
        """What a report calls it."""
        return self.extraction.name

    @property
    def key(self) -> str:
        """What tells its scores apart from another's."""
        masks = self.comparison.masks
        if self.comparison.is_plain:
            return self.extraction.key
        segmenter = "" if masks is None or masks.model is None else masks.model.extraction.key
        return digest(self.extraction.key, self.comparison.suffix, segmenter)


def given_models(options: Namespace) -> list[Model]:
    """Build the models of all options ``checkpoint`` and ``extractor``; one that is given twice is one.

    Raises:
        UserError: If one cannot be built.
    """
    checkpoints, extractors = (list(dict.fromkeys(paths)) for paths in (options.checkpoint, options.extractor))
    trained = [_trained(path, options.config) for path in checkpoints]
    return told_models([*trained, *(_extractor(path, options) for path in extractors)])


def given_model(path: str, options: Namespace) -> Model:
    """Build the model of one path: a checkpoint of a run, or what ``--extractor`` takes.

    Raises:
        UserError: If it cannot be built.
    """
    return _trained(path, None) if Path(path).suffix == ".ckpt" else _extractor(path, options)


def told_models(models: Sequence[Model]) -> list[Model]:
    """Return models of which no two have the same name: see :func:`distinct_names`."""
    names = distinct_names([one.name for one in models], [one.path for one in models])
    renamed = zip(models, names, strict=True)
    return [one._replace(extraction=one.extraction._replace(name=name)) for one, name in renamed]


def distinct_names(names: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Return names of which no two are the same: to equal ones as much of their paths is added as tells them apart.

    Example:
        >>> distinct_names(["net", "net", "other"], ["one/net.yaml", "two/net.yaml", "other.yaml"])
        ['net (one/net)', 'net (two/net)', 'other']
    """
    files = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  a link stays what it is called
    named = []
    for name, file in zip(names, files, strict=True):
        others = [other for same, other in zip(names, files, strict=True) if same == name and other != file]
        depths = range(1, len(file.parts) + 1)
        depth = next(k for k in depths if all(_tail(other, k) != _tail(file, k) for other in others))
        named.append(f"{name} ({_tail(file, depth)})" if others else name)
    return [name if Counter(named)[name] == 1 else f"{name} ({path})" for name, path in zip(named, paths, strict=True)]


def _tail(file: Path, depth: int) -> str:
    return "/".join(file.with_suffix("").parts[-depth:])


def probed(model: Model, source: FaceSource) -> Model:
    """Return a model with what it makes, found by one image and two of a source, on the processor.

    Raises:
        UserError: If it fails, makes nothing, or an embedding depends on what else is in the batch.
    """
    extraction = model.extraction
    chosen = np.array([0, len(source) - 1])
    dataset = plain_faces(source, chosen, extraction.image_size)
    faces = [dataset[0], dataset[1]]
    step: Any = extraction.module.test_step
    try:
        with evaluating(extraction.module), foreign(f"{model.name} ({model.path}) to take images of the protocol"):
            alone, together = (step(collate_faces(faces[:number]), 0) for number in (1, 2))
    except ValueError as error:
        raise UserError(str(error.__cause__) if isinstance(error.__cause__, ValueError) else str(error)) from error
    made = frozenset(alone) & {"embedding", "segmentation"} if isinstance(alone, Mapping) else frozenset()
    if not made:
        raise UserError(f"Expected a model that embeds or segments faces, got {model.path}")
    if "embedding" in made:
        _check_alone(alone["embedding"], together["embedding"], model)
    return model._replace(makes=made)


def _check_alone(alone: Tensor, together: Tensor, model: Model) -> None:
    one, other = alone[0].double(), together[0].double()
    alike = float(cosine_similarity(one, other, dim=0))
    told_later = not torch.isfinite(one + other).all() or not (one.any() or other.any())  # with the face's name
    if alike < LEAST_ALIKE and not told_later:
        raise UserError(
            f"Expected embeddings that do not depend on the rest of the batch, got for one image alone and beside "
            f"another a cosine of {alike:.3f} from {model.path}; `batch_size: 1` embeds each alone"
        )


def _trained(checkpoint: str, config: str | None) -> Model:
    trained = load_trained(checkpoint, config)
    path = Path(checkpoint).resolve()
    run = "-".join(path.parts[-4:-2]) if path.parent.name == "checkpoints" else path.stem
    which = f", {path.stem}" if path.parent.name == "checkpoints" and path.stem != "last" else ""
    extraction = Extraction(trained.module, trained.image_size, f"{trained.system} ({run}{which})")
    return Model(extraction, checkpoint, alignment=trained.alignment)


def _extractor(path: str, options: Namespace) -> Model:
    built = brought(path, options)
    name = Path(path).resolve().name if Path(path).is_dir() else Path(path).stem
    return Model(Extraction(built, built.image_size, name), path, alignment=built.alignment)

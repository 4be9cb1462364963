"""The comparisons that are made of each model: the plain one, and those that were asked for."""

from argparse import Namespace
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from callbacks.recognition.pair_scorer import RERANKED
from datamodules.protocols import EvaluationProtocol
from experiments.cli import UserError
from experiments.evaluation.alignments import check_alignments
from experiments.evaluation.given_models import Model, distinct_names, given_model, probed
from experiments.evaluation.matching.comparison_options import LABELS
from experiments.evaluation.matching.face_comparison import FaceComparison, Masks, read_matching
from experiments.evaluation.matching.occluder_masks import check_masks
from experiments.evaluation.matching.views import RandomViews


def compared_models(
    options: Namespace, models: Sequence[Model], protocols: Sequence[EvaluationProtocol]
) -> list[Model]:
    """Return each model once for each comparison: plain, by several views, matched, and both at once.

    Args:
        options: ``views``, ``random_views``, ``matched``, ``matched_setting``, ``rerank``, ``allow_other_alignment``.
        models: What is evaluated.
        protocols: By what.

    Raises:
        UserError: If an option is wrong, or a model or protocol has no masks.
        DataError: If a declaration of a dataset's alignment is malformed.
    """
    for name in ("matched_setting", "rerank"):
        if getattr(options, name) not in (None, []) and not options.matched:
            raise UserError(f"Expected --matched with --{name.replace('_', '-')}, got none")
    rerank = RERANKED if options.rerank is None else options.rerank
    if rerank < 2:
        raise UserError(f"Expected --rerank of at least 2, got {rerank}")
    matching = read_matching(options.matched_setting)
    masks = read_masks(options.matched, options, protocols, option="--matched")
    if masks and not any("embedding" in model.makes for model in models):
        raise UserError("Expected a model that embeds faces with --matched, got none")
    views = [(), *([tuple(dict.fromkeys(options.views))] if options.views else [])]
    comparisons = [FaceComparison(seen, of, matching, rerank) for of, seen in product([None, *masks], views)]
    if options.random_views is not None:
        if options.random_views < 2:
            raise UserError(f"Expected --random-views of at least 2, got {options.random_views}")
        comparisons.append(FaceComparison(random_views=options.random_views))
    return [
        _compared(model, comparison)
        for model in models
        for comparison in comparisons
        if comparison.is_plain or "embedding" in model.makes
    ]


def _compared(model: Model, comparison: FaceComparison) -> Model:
    embeds = model.extraction._replace(name=model.name + comparison.suffix)
    if comparison.random_views:
        embeds = embeds._replace(module=RandomViews(embeds.module, comparison.random_views))
    return model._replace(extraction=embeds, comparison=comparison)


def read_masks(
    paths: Sequence[str], options: Namespace, protocols: Sequence[EvaluationProtocol], *, option: str
) -> list[Masks]:
    """Return what makes masks of faces, each once.

    Args:
        paths: Checkpoints, what ``--extractor`` takes, or ``labels`` for the protocols' own label maps.
        options: Those of models.
        protocols: Whose images they are of.
        option: Which names them, in messages.

    Raises:
        UserError: If a model or protocol has no masks.
        DataError: If a declaration of a dataset's alignment is malformed.
    """
    return _told_masks([_masks(path, options, protocols, option) for path in dict.fromkeys(paths)])


def _told_masks(masks: Sequence[Masks]) -> list[Masks]:
    """Return masks of which no two have the same name."""
    names = distinct_names([one.name for one in masks], [one.model.path if one.model else LABELS for one in masks])
    return [one._replace(name=name) for one, name in zip(masks, names, strict=True)]


def _masks(path: str, options: Namespace, protocols: Sequence[EvaluationProtocol], option: str) -> Masks:
    if path == LABELS:
        masks = Masks(LABELS, None)
    else:
        model = probed(given_model(path, options), protocols[0].source)
        check_alignments([model], protocols, allow_other=options.allow_other_alignment)
        masks = Masks(Path(path).stem if model.extraction.name == Path(path).stem else model.name, model)
    check_masks(masks, protocols, option)
    return masks

"""Whether the faces of a protocol are aligned as a model takes them: points of accuracy hang on it."""

from collections.abc import Sequence
from pathlib import Path

from datamodules.alignment import declared_settings, declared_template
from datamodules.alignment.declared import SETTINGS
from datamodules.protocols import EvaluationProtocol
from experiments.cli import UserError
from experiments.cli.first_process import warn
from experiments.evaluation.given_models import Model


def check_alignments(models: Sequence[Model], protocols: Sequence[EvaluationProtocol], *, allow_other: bool) -> None:
    """Compare what models and datasets declare; warn where a dataset declares nothing, or that its faces are grey.

    Args:
        models: What is evaluated.
        protocols: By what.
        allow_other: Only warn of faces that are aligned otherwise.

    Raises:
        UserError: If a dataset's alignment is not a model's, and that is not allowed.
        DataError: If a declaration is malformed.
    """
    for protocol in protocols:
        root = getattr(protocol.source, "root", None)
        if not isinstance(root, Path):  # generated faces are in no folder
            continue
        for model in models:
            _check_template(model, protocol, root, allow_other)
            _check_colour(model, protocol, root)


def _check_template(model: Model, protocol: EvaluationProtocol, root: Path, allow_other: bool) -> None:
    if model.alignment is None:
        return
    declared = declared_template(root)
    if declared is None:
        warn(
            f"{protocol.name}: whether its faces are aligned as {model.name} takes them, {model.alignment!r}, is not "
            f"known: {root} has no {SETTINGS}"
        )
    elif declared[1] != model.alignment:
        found = (
            f"{protocol.name}: expected faces aligned as {model.name} takes them, {model.alignment!r}, "
            f"got {declared[1]!r} by {declared[0]}"
        )
        if not allow_other:
            raise UserError(f"{found}; --allow-other-alignment evaluates all the same")
        warn(found)


def _check_colour(model: Model, protocol: EvaluationProtocol, root: Path) -> None:
    path, settings = declared_settings(root) or (None, {})
    normalize = getattr(model.extraction.module, "normalize", None)
    if settings.get("grey") is True and not getattr(normalize, "grey", False):
        warn(f"{protocol.name}: expected faces in colour, as {model.name} takes them, got grey ones by {path}")

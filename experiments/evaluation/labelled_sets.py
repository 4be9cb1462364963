"""The sets of labelled photographs that a command line names, each a protocol of segmentation."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datamodules.protocols import EvaluationProtocol, labelled_images
from datamodules.protocols.generated_protocol import covered_faces
from datamodules.seams.face_source import FaceSource
from datamodules.sources import COFW, OCFR, CelebAMaskHQ, RealOcc
from experiments.cli import UserError
from experiments.evaluation.described import described

READERS: dict[str, Callable[[str], FaceSource]] = {
    "cofw": COFW,
    "realocc": RealOcc,
    "celebamask": CelebAMaskHQ,
    "ocfr": OCFR,
}
"""Layouts that need no setting but the folder."""
GENERATED = "generated"
"""Generated faces under drawn occluders, which need no files."""
LABELLED = (
    f"for segmentation: {', '.join(f'{name}=FOLDER' for name in READERS)}, {GENERATED}, or a YAML file with class_path "
    "and init_args of a reader"
)


def labelled_option(text: str) -> str:
    """Return an option ``--labelled`` that names something.

    Raises:
        UserError: If it does not.
    """
    name, equals, path = text.partition("=")
    if text == GENERATED or _is_yaml(text) or (name in READERS and equals and path):
        return text
    wanted = ", ".join(f"{name}=FOLDER" for name in READERS)
    raise UserError(f"Expected --labelled among {wanted}, {GENERATED}, or a YAML file, got {text!r}")


def labelled_sets(options: Sequence[str]) -> list[EvaluationProtocol]:
    """Return the protocols of options ``--labelled``, one for each set.

    Raises:
        UserError: If a YAML file describes no reader.
        DataError: If a set cannot be used: all that is broken or missing is named.
    """
    return [labelled_images(*_opened(text)) for text in options]


def _opened(text: str) -> tuple[FaceSource, str]:
    if text == GENERATED:
        return covered_faces().source, GENERATED
    if _is_yaml(text):
        reader: Any = FaceSource  # a protocol of types, of which anybody's class may be one
        return described(text, reader), Path(text).stem
    name, _, path = text.partition("=")
    return READERS[name](path), name


def _is_yaml(text: str) -> bool:
    return Path(text).suffix in (".yaml", ".yml")

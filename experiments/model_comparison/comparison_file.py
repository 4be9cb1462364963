"""The file of a comparison of models: what they are evaluated by, and what is told of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callbacks.metrics.tar_at_far import FARS
from datamodules.errors import DataError
from datamodules.protocols.lfw_occ.pair_occluder import SEVERITIES
from datamodules.yaml_file import read_yaml
from experiments.cli import UserError

Measure = Literal["frr", "far", "eer", "accuracy"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Setting(_Part):
    """A protocol of ``experiments.evaluate``."""

    protocol: str
    severity: str | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.severity or self.protocol

    @property
    def said(self) -> str:
        """Protocol and severity."""
        return "/".join(filter(None, (self.protocol, self.severity)))

    def words(self) -> list[str]:
        """Return the options of ``experiments.evaluate``."""
        return [f"--protocol={self.protocol}", *([f"--severity={self.severity}"] if self.severity else [])]


class ModelComparison(_Part):
    """What a file declares.

    Attributes:
        title: Of the page.
        note: What a reader needs to know.
        clean: Sets each model's threshold; its only condition is what the others are compared with.
        occluded: Each with a condition for every occluder.
        threshold_far: False accept rate that thresholds are set for.
        measures: ``frr`` and ``far`` at the threshold, ``eer``, ``accuracy``.
        replicates: Data sets of identities that intervals are made of.
        seed: Of their draws.
    """

    title: str
    note: str = ""
    clean: Setting
    occluded: Annotated[Sequence[Setting], Field(min_length=1)]
    threshold_far: float
    measures: Annotated[Sequence[Measure], Field(min_length=1)]
    replicates: Annotated[int, Field(ge=100)] = 1000
    seed: Annotated[int, Field(ge=0)] = 0


def load_comparison(path: Path) -> ModelComparison:
    """Read a file.

    Raises:
        UserError: If a key or a value in it is none, in one line with the place.
    """
    try:
        comparison = ModelComparison.model_validate(read_yaml(path))
    except DataError as error:
        raise UserError(str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from error
    if comparison.threshold_far not in FARS:
        expected = ", ".join(f"{far:g}" for far in FARS)
        raise UserError(f"{path}: threshold_far: expected one of {expected}, got {comparison.threshold_far:g}")
    names = [setting.name for setting in comparison.occluded]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{path}: occluded: expected each once, got {twice[0]} {names.count(twice[0])} times")
    for setting in (comparison.clean, *comparison.occluded):
        if setting.severity not in (None, *SEVERITIES):
            raise UserError(f"{path}: severity: expected one of {', '.join(SEVERITIES)}, got {setting.severity!r}")
    return comparison

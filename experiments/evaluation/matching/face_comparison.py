"""How a model's images are compared: by one embedding each, by several views, by faces that are covered alike."""

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from callbacks.recognition.matching import Matching
from callbacks.recognition.pair_scorer import RERANKED
from experiments.cli import UserError

if TYPE_CHECKING:
    from experiments.evaluation.given_models import Model


class Masks(NamedTuple):
    """Where the masks of a matched comparison come from."""

    name: str
    """In a report."""
    model: "Model | None"
    """What segments; ``None`` for the protocol's own label maps."""


@dataclass(frozen=True)
class FaceComparison:
    """How images are compared; by default by the cosine similarity of one embedding each."""

    views: tuple[str, ...] = ()
    """Views that are embedded beside an image."""
    masks: Masks | None = None
    """Of a matched comparison."""
    matching: Matching = field(default_factory=Matching)
    rerank: int = RERANKED
    """Candidates of a probe that are compared once more."""
    random_views: int = 0
    """Views of each face, of which all but the face itself are drawn; 0 where none are."""

    @property
    def is_plain(self) -> bool:
        """Whether it is by one embedding each."""
        return self.views_of_a_face == 1 and self.masks is None

    @property
    def views_of_a_face(self) -> int:
        """How many embeddings each face is compared by, itself included."""
        return self.random_views or 1 + len(self.views)

    @property
    def suffix(self) -> str:
        """What a report adds to a model's name."""
        parts = ["+".join(self.views)] if self.views else []
        parts += [f"{self.random_views} random views"] if self.random_views else []
        if self.masks is not None:
            told = [f"{one.name}={getattr(self.matching, one.name)}" for one in changed(self.matching)]
            told += [f"top {self.rerank}"] if self.rerank != RERANKED else []
            parts.append(" ".join([f"matched by {self.masks.name}", *told]))
        return "".join(f", {part}" for part in parts)


def changed(matching: Matching) -> list[Any]:
    """Return the fields that are not as by default."""
    default = Matching()
    return [one for one in fields(Matching) if getattr(matching, one.name) != getattr(default, one.name)]


def read_matching(settings: list[str]) -> Matching:
    """Return the settings of a command line, ``name=value`` each.

    Raises:
        UserError: If there is no such setting, or its value cannot be used.

    Example:
        >>> read_matching(["grow=2", "weight=0.4"]).grow
        2
    """
    kinds: dict[str, Any] = {one.name: type(one.default) for one in fields(Matching)}
    found: dict[str, Any] = {}
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign or name not in kinds:
            raise UserError(f"Expected --matched-setting NAME=VALUE with NAME of {', '.join(kinds)}, got {setting!r}")
        try:
            found[name] = kinds[name](text)
        except ValueError:
            raise UserError(f"Expected --matched-setting {name} of type {kinds[name].__name__}, got {text!r}") from None
    try:
        return Matching(**found)
    except ValueError as error:
        raise UserError(f"--matched-setting: {error}") from error

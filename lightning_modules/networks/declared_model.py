"""What CVLface writes beside a model's weights: its name and the order of its channels, in YAML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_modules.networks.foreign import foreign


@dataclass(frozen=True)
class DeclaredModel:
    """A model as the file beside its weights has it.

    Args:
        path: That file.
        name: Such as ``"ir101"``; empty where it has none.
        bgr: Whether blue comes first; ``None`` where it does not say.
    """

    path: Path
    name: str
    bgr: bool | None


def declared_model(weights: str | Path) -> DeclaredModel | None:
    """Read ``model.yaml`` beside a file of weights, or in ``pretrained_model`` beside it, as CVLface has them.

    Args:
        weights: The file of weights.

    Returns:
        ``None`` where there is no such file, or none with ``color_space``.

    Raises:
        ValueError: If it is no YAML, or its ``color_space`` neither RGB nor BGR.
    """
    for path in _places(Path(weights)):
        if path.is_file() and "color_space" in (content := _read(path)):
            space = content["color_space"]
            if space not in ("RGB", "BGR"):
                raise ValueError(f"Expected `color_space` RGB or BGR in {path}, got {space!r}")
            return DeclaredModel(path, str(content.get("name", "")), space == "BGR")
    return None


def _places(weights: Path) -> Iterator[Path]:
    yield weights.with_suffix(".yaml")
    yield weights.parent / "model.yaml"
    yield weights.parent / "pretrained_model" / "model.yaml"


def _read(path: Path) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415  for files that have one beside them

    with foreign("a YAML file", path):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content if isinstance(content, Mapping) else {}

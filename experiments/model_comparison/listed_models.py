"""The models of a folder."""

from pathlib import Path

from experiments.cli import UserError
from experiments.evaluation.brought_models import ONNX, TORCHSCRIPT, WEIGHTS, YAML

ENDINGS = (*YAML, *ONNX, *TORCHSCRIPT, *WEIGHTS)


def listed_models(folder: Path) -> list[str]:
    """Return what ``experiments.evaluate --extractor`` takes of a folder, by name.

    YAML files that describe an extractor, folders of exported models, and networks' own files that no YAML file of
    the same name describes. Hidden ones are passed over.

    Raises:
        UserError: If there is no such folder, or none in it.
    """
    if not folder.is_dir():
        raise UserError(
            f"Expected a folder of models, got {folder}: {'a file' if folder.exists() else 'nothing there'}"
        )
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    described = {path.stem for path in entries if path.suffix in YAML}
    found = [path for path in entries if _is_model(path) and (path.suffix in YAML or path.stem not in described)]
    if not found:
        raise UserError(
            f"{folder}: expected models ({', '.join(ENDINGS)}, or exported folders), got none of {len(entries)} entries"
        )
    return [str(path) for path in found]


def _is_model(path: Path) -> bool:
    if path.is_dir():
        return (path / "model.yaml").is_file()
    return path.suffix in ENDINGS

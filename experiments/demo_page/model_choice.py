"""The models that the page offers: those that were given, else those that were trained; each loaded when asked for."""

from argparse import Namespace
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from datamodules.errors import DataError
from datamodules.sources import FixedLandmarks
from datamodules.yaml_file import read_yaml
from experiments.cli import UserError
from experiments.demo_page.face_model import FaceModel
from experiments.demo_page.gallery_folder import readable
from experiments.evaluation.given_models import distinct_names, given_model

RUNS = Path("runs")
GENERATED_POINTS = ((0.374, 0.450), (0.627, 0.451), (0.499, 0.615), (0.401, 0.716), (0.599, 0.717))
"""Means of generated faces, as shares of their side: :class:`~datamodules.sources.SyntheticFaces`."""
FIRST = "soidn"
"""System whose runs are offered first."""
MOST_LOADED = 4
"""Models that are kept in memory; of others the one that was asked for longest ago goes."""


class ModelChoice:
    """Models by their names on the page; nobody can name another file.

    Args:
        paths: Checkpoints, and what ``--extractor`` of an evaluation takes.
        options: Of networks' own files: ``image_size``, ``mean``, ``std``, ``bgr``.
        masks: What segments for models that do not; ``None``: the first of the others that does.

    Raises:
        UserError: If there is none.
    """

    def __init__(self, paths: Sequence[str], options: Namespace, masks: str | None = None) -> None:
        if not paths:
            raise UserError("Expected a model, got none")
        every = [*dict.fromkeys([*paths, *([masks] if masks else [])])]
        self._paths = dict(zip(distinct_names([short_name(path) for path in every], every), every, strict=True))
        self.names = list(self._paths)[: len(dict.fromkeys(paths))]
        self._masks = None if masks is None else next(name for name, path in self._paths.items() if path == masks)
        self._options = options
        self._loaded: OrderedDict[str, FaceModel] = OrderedDict()
        self._segment: dict[str, bool] = {}
        self._turn = Lock()
        self._loading: defaultdict[str, Lock] = defaultdict(Lock)

    def begin(self, *, strict: bool) -> str:
        """Load the model that the page begins with, the first that embeds faces, and return its name.

        Args:
            strict: Whether each has to load; else those that do not are told, and offered no more.

        Raises:
            UserError: If one cannot be loaded that has to, or none embeds faces.
        """
        for name in list(self.names):
            try:
                embeds = self.get(name).embedding_network is not None
            except UserError as error:
                if strict:
                    raise
                print(f"warning: {name} is left out: {error}")
                self.names.remove(name)
                continue
            if embeds:
                self.names.remove(name)
                self.names.insert(0, name)
                return name
        raise UserError(f"Expected a model that embeds faces, got none among {len(self._paths)}")

    def get(self, name: str) -> FaceModel:
        """Return a model; who asks first waits until it is loaded, and who asks for another one does not.

        Raises:
            DataError: If there is none of that name.
            UserError: If it cannot be loaded.
        """
        if name not in self._paths:
            raise DataError(f"Expected a model of {', '.join(self.names)}, got {name!r}")
        with self._loading[name]:
            if (found := self._kept(name)) is None:
                path = self._paths[name]
                found = FaceModel(given_model(path, self._options), landmarks_of(path))
            with self._turn:
                self._loaded[name] = found
                self._loaded.move_to_end(name)
                while len(self._loaded) > MOST_LOADED:
                    self._loaded.popitem(last=False)
            return found

    def masks_of(self, name: str) -> FaceModel | None:
        """Return what segments faces that a model compares: the one that was given for it, or itself, or none."""
        if self._masks is not None:
            return self.get(self._masks)
        model = self.get(name)
        if model.segments:
            return model
        others = [other for other in self.names if other != name and self._paths[other].endswith(".ckpt")]
        return next((self.get(other) for other in others if self._segments(other)), None)

    def _segments(self, name: str) -> bool:
        """Whether a model segments; one that cannot be loaded does not. Found out once."""
        if name not in self._segment:
            try:
                self._segment[name] = self.get(name).segments
            except (DataError, UserError) as error:
                print(f"warning: {name} says no masks: {error}")
                self._segment[name] = False
        return self._segment[name]

    def _kept(self, name: str) -> FaceModel | None:
        with self._turn:
            return self._loaded.get(name)


def trained_checkpoints(runs: Path = RUNS) -> list[str]:
    """Return the checkpoints of all runs, SOIDN's first, each once."""
    found = {path.resolve(): path for path in sorted(runs.glob("*/*/checkpoints/last.ckpt"))}
    there = [path for path in found.values() if (path.parent.parent / "config.yaml").is_file()]
    return [str(path) for path in sorted(there, key=lambda path: (path.parts[-4] != FIRST, str(path)))]


def landmarks_of(path: str) -> FixedLandmarks | None:
    """Return where eyes and mouth are in the faces that a run has seen, if these were generated, else ``None``."""
    if not path.endswith(".ckpt"):
        return None
    try:
        data: Any = read_yaml(Path(path).resolve().parent.parent / "config.yaml")
        source = str(data["data"]["init_args"]["source"]["class_path"])
    except (DataError, KeyError, TypeError):
        return None
    return FixedLandmarks(GENERATED_POINTS, (1, 1)) if source.endswith(".SyntheticFaces") else None


def short_name(path: str) -> str:
    """Return what to call a model before it is loaded.

    Example:
        >>> short_name("runs/soidn/1f3a/checkpoints/last.ckpt"), short_name("models/sface.onnx")
        ('soidn 1f3a', 'sface')
    """
    file = Path(path)
    if file.parent.name == "checkpoints" and len(file.parts) > 3:
        return readable(" ".join(file.parts[-4:-2]))
    return readable(file.name if file.is_dir() else file.stem)

"""The occlusion-map paper's figures that no training draws by itself."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from callbacks.figures.occlusion_figures import figure_1, figure_2
from datamodules import FaceDataModule
from datamodules.occluders import NoisePatch, UniformPlacement
from datamodules.randomness import sample_generator
from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.cli import run

Faces = Sequence[NDArray[np.uint8]]


def mean_image_and_maps(folder: Path, path: Path) -> None:
    """Draw Fig. 1 of a run that has made maps for placement.

    Args:
        folder: The run's.
        path: Where to write it.
    """
    found = [OcclusionMap.load(file) for file in sorted((folder / "occlusion_maps").glob("placement-*.npz"))]
    maps = {"{} × {}".format(*made.occluder_size): made for made in found}
    figure_1(maps, np.stack(_faces(folder, 200)).mean(0).round().astype(np.uint8), path)


def noise_patches(folder: Path, path: Path) -> None:
    """Draw Fig. 2: some faces of a run under patches of each kind of noise, a fifth of their size."""
    faces = [np.repeat(face.mean(-1, keepdims=True).round(), 3, -1).astype(np.uint8) for face in _faces(folder, 6)]
    size = (faces[0].shape[0] // 5, faces[0].shape[1] // 5)
    kinds = ("salt_and_pepper", "speckle", "gaussian")
    figure_2({kind.replace("_", "-"): _under_patches(faces, kind, size, kinds) for kind in kinds}, path)


DRAWINGS: Mapping[str, Callable[[Path, Path], None]] = {"figure_1": mean_image_and_maps, "figure_2": noise_patches}
"""By the name that a declaration has for them; they take the run's folder and the picture's path."""


def _faces(folder: Path, number: int) -> Faces:
    """Return clean validation faces of a run."""
    planned = run(["fit", f"--config={folder / 'config.yaml'}", "--trainer.logger=false"], dry=True)
    data: FaceDataModule = planned.datamodule
    return [data.clean_face(int(index)) for index in data.split.validation[:number]]


def _under_patches(faces: Faces, kind: str, size: tuple[int, int], kinds: Sequence[str]) -> list[NDArray[np.uint8]]:
    others = {other: None for other in kinds if other != kind}
    patch = NoisePatch(size, UniformPlacement(), colour=False, **others)  # type: ignore[arg-type]  # levels of noise
    points = np.zeros((5, 2), np.float32)  # patches do not look at landmarks
    return [patch(face, points, sample_generator(0, 0, index, stream=kind)).image for index, face in enumerate(faces)]

"""The occlusion-map paper's figures that no training draws by itself."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from callbacks.figures.occlusion_figures import figure_1, figure_2
from datamodules.errors import DataError
from datamodules.occluders import NoisePatch, UniformPlacement
from datamodules.randomness import sample_generator
from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.cli.user_errors import UserError
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_parts import Figure
from experiments.reproduction.row_run import RowRun
from experiments.runs.rehearsal import rehearsed
from experiments.runs.run_graph import MAPS
from experiments.runs.spec import RunSpec

if TYPE_CHECKING:
    from datamodules import FaceDataModule

Faces = Sequence[NDArray[np.uint8]]


def mean_image_and_maps(folders: Sequence[Path], path: Path) -> None:
    """Draw Fig. 1 of a model of which maps for placement were made."""
    files = [file for folder in folders for file in sorted((folder / MAPS).glob("placement-*.npz"))]
    maps = {"{} × {}".format(*made.occluder_size): made for made in map(OcclusionMap.load, files)}
    figure_1(maps, np.stack(_faces(folders[0], 200)).mean(0).round().astype(np.uint8), path)


def noise_patches(folders: Sequence[Path], path: Path) -> None:
    """Draw Fig. 2: some faces of a training under patches of each kind of noise, a fifth of their size."""
    faces = [np.repeat(face.mean(-1, keepdims=True).round(), 3, -1).astype(np.uint8) for face in _faces(folders[0], 6)]
    size = (faces[0].shape[0] // 5, faces[0].shape[1] // 5)
    kinds = ("salt_and_pepper", "speckle", "gaussian")
    figure_2({kind.replace("_", "-"): _under_patches(faces, kind, size, kinds) for kind in kinds}, path)


Drawing = Callable[[Sequence[Path], Path], None]
DRAWINGS: dict[str, Drawing] = {"figure_1": mean_image_and_maps, "figure_2": noise_patches}
"""By the name that a paper's file has for them; they take folders of a training and its maps, and a picture's path."""


def draw_missing(paper: Paper, runs: Sequence[RowRun]) -> None:
    """Draw the figures that no run draws by itself, for the first seed that is done, into the last of its folders."""
    for figure in paper.figures:
        for row in figure.rows if figure.drawing else ():
            done = next((run for run in runs if run.row == row and run.status == "done"), None)
            if done is not None and not any((folder / figure.file).exists() for folder in done.folders()):
                _draw(figure, done.folders())


def _draw(figure: Figure, folders: Sequence[Path]) -> None:
    picture = folders[-1] / figure.file
    unfinished = picture.with_name(f"unfinished-{os.getpid()}-{picture.name}")
    try:
        DRAWINGS[figure.drawing](folders, unfinished)
        unfinished.replace(picture)
    except (DataError, UserError, ValueError, OSError) as error:
        print(f"{figure.title}: not drawn: {error}")
    finally:
        unfinished.unlink(missing_ok=True)


def _faces(folder: Path, number: int) -> Faces:
    """Return clean validation faces of a training."""
    spec = RunSpec("", overrides=(f"--config={folder / 'config.yaml'}", "--trainer.logger=false"))
    data: FaceDataModule = rehearsed(spec).datamodule
    return [data.clean_face(int(index)) for index in data.split.validation[:number]]


def _under_patches(faces: Faces, kind: str, size: tuple[int, int], kinds: Sequence[str]) -> list[NDArray[np.uint8]]:
    others = {other: None for other in kinds if other != kind}
    patch = NoisePatch(size, UniformPlacement(), colour=False, **others)  # type: ignore[arg-type]  # levels of noise
    points = np.zeros((5, 2), np.float32)  # patches do not look at landmarks
    return [patch(face, points, sample_generator(0, 0, index, stream=kind)).image for index, face in enumerate(faces)]

"""Figures 1 and 2 of the occlusion-map paper are drawn from what a run leaves."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.cli import run
from experiments.reproduction import drawings
from tests.experiments.conftest import Options


@pytest.fixture
def folder(tiny: Options) -> Path:
    """A run of model A, and maps as it would have made them."""
    run(["fit", "--config=model_a_demo", *tiny, "--evaluate=false"])
    path = Path("runs/model_a_demo/version_0")
    for number, size in enumerate(((10, 10), (10, 20))):
        error = np.full((50, 50), 0.2 * number, np.float32)
        made = OcclusionMap(
            error=error,
            occluder_size=size,
            fill=np.full(3, 127.5, np.float32),
            stride=1,
            indices=np.arange(3),
            model="x",
            checkpoint="y",
        )
        for subset in ("placement", "scoring"):
            (path / "occlusion_maps").mkdir(exist_ok=True)
            made.save(path / f"occlusion_maps/{subset}-{size[0]}x{size[1]}.npz")
    return path


def test_figure_1_shows_the_maps_that_place_occluders_and_the_mean_face(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[dict[str, OcclusionMap], NDArray[np.uint8]]] = []
    monkeypatch.setattr(drawings, "figure_1", lambda maps, mean, path: drawn.append((maps, mean)))
    drawings.DRAWINGS["figure_1"]([folder], folder / "figure_1.png")
    ((maps, mean),) = drawn
    assert {name: float(made.error.max()) for name, made in maps.items()} == {
        "10 × 10": 0.0,
        "10 × 20": pytest.approx(0.2),
    }
    assert mean.shape == (50, 50, 3)
    assert 20 < mean.mean() < 235


@pytest.mark.parametrize("name", drawings.DRAWINGS)
def test_pictures_are_written(name: str, folder: Path) -> None:
    drawings.DRAWINGS[name]([folder], folder / f"{name}.png")
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_patches_of_a_kind_differ_from_face_to_face_and_from_those_of_another() -> None:
    faces = [np.full((50, 50, 3), 128, np.uint8)] * 3
    kinds = ("salt_and_pepper", "speckle", "gaussian")
    rows = {kind: drawings._under_patches(faces, kind, (10, 10), kinds) for kind in kinds}
    images = [image.tobytes() for row in rows.values() for image in row]
    assert len(set(images)) == 9
    assert all((image != 128).any(-1).sum() <= 100 for row in rows.values() for image in row)

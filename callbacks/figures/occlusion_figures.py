"""Pictures of occlusion maps (occlusion-map paper, Fig. 1 and 2)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from callbacks.figures.style import HEADING, LETTERS, colour_scale, error_map, pictures
from callbacks.occlusion_sensitivity.geometry import covered
from callbacks.run_files import save_figure
from datamodules.seams.occlusion_map_file import OcclusionMap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Image = NDArray[np.uint8]
SIDE = 1.9  # inches, of an image and its surroundings


def save_map(made: OcclusionMap, path: Path) -> Path:
    """Write a map as a picture, bright where the model errs, and return its path."""
    figure, ((axes,),) = pictures(1, 1, width=SIDE + 1.6, height=SIDE + 1.1)
    height, width = made.occluder_size
    axes.set_title(f"error rate by occluder centre, {height} × {width}\n{_accuracy(made)}", fontsize=LETTERS)
    colour_scale(figure, error_map(axes, made.error), axes)
    save_figure(figure, path)
    return path


def figure_1(maps: Mapping[str, OcclusionMap], mean_image: Image, path: Path) -> Path:
    """Draw, for each occluder size, the mean image with the occluder, the map, and the mean image masked by the map.

    The colour scale is one for all maps, from 0 to 1; in the right column a pixel is as bright as the map says that
    the model relies on it.

    Args:
        maps: Maps by name, of one image size (H, W).
        mean_image: Mean of the images, ``(H, W, 3)`` uint8 RGB.
        path: Where to write it.
    """
    figure, panels = _grid(len(maps), 3, title="Mean image with occluder · occlusion map · mean image masked by it")
    for (with_occluder, of_errors, masked), (name, made) in zip(panels, maps.items(), strict=True):
        with_occluder.imshow(_occluded(mean_image, made))
        with_occluder.set_ylabel(name, fontsize=LETTERS)
        drawn = error_map(of_errors, made.error)
        of_errors.set_xlabel(_accuracy(made), fontsize=LETTERS)
        weight = made.error / max(float(made.error.max()), 1e-6)
        masked.imshow(np.rint(mean_image * weight[..., None]).astype(np.uint8))
    colour_scale(figure, drawn, panels, label="error rate by occluder centre", shrink=0.6)
    save_figure(figure, path)
    return path


def figure_2(samples: Mapping[str, list[Image]], path: Path) -> Path:
    """Draw occluded faces, one row for each kind of noise.

    Args:
        samples: Images ``(H, W, 3)`` by kind, equally many of each.
        path: Where to write it.
    """
    columns = max(len(images) for images in samples.values())
    figure, panels = _grid(len(samples), columns, title="Noise patches: random intensity, kind and level")
    for row, (name, images) in zip(panels, samples.items(), strict=True):
        for axes, image in zip(row, images, strict=False):
            axes.imshow(image)
        row[0].set_ylabel(name, fontsize=LETTERS)
    save_figure(figure, path)
    return path


def _grid(rows: int, columns: int, *, title: str) -> tuple["Figure", NDArray[Any]]:
    figure, panels = pictures(rows, columns, width=SIDE * columns + 1.2, height=SIDE * rows + 0.9)
    figure.suptitle(title, fontsize=HEADING)
    return figure, panels


def _accuracy(made: OcclusionMap) -> str:
    return f"accuracy {made.mean_accuracy:.1%} ± {made.std:.1%}"


def _occluded(image: Image, made: OcclusionMap) -> Image:
    """Return the image with the occluder where the model errs most."""
    centre = np.unravel_index(int(made.error.argmax()), made.error.shape)
    rows, columns = (
        covered(np.array([c]), size, length)
        for c, size, length in zip(centre, made.occluder_size, made.image_size, strict=True)
    )
    occluded = image.copy()
    occluded[rows.start[0] : rows.stop[0], columns.start[0] : columns.stop[0]] = np.rint(made.fill)
    return occluded

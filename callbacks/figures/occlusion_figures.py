"""Pictures of occlusion maps (occlusion-map paper, Fig. 1 and 2)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from callbacks.occlusion_sensitivity.geometry import covered
from callbacks.run_files import save_figure
from datamodules.seams.occlusion_map_file import OcclusionMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Image = NDArray[np.uint8]


def save_map(made: OcclusionMap, path: Path) -> Path:
    """Write a map as a picture, bright where the model errs, and return its path."""
    figure = _figure(1, 1, title=None)
    axes = figure.axes[0]
    drawn = axes.imshow(made.error, cmap="inferno", vmin=0, vmax=1)
    height, width = made.occluder_size
    axes.set_title(
        f"error rate by occluder centre, {height} × {width}\naccuracy {made.mean_accuracy:.1%} ± {made.std:.1%}"
    )
    figure.colorbar(drawn, ax=axes)
    return _save(figure, path)


def figure_1(maps: Mapping[str, OcclusionMap], mean_image: Image, path: Path) -> Path:
    """Draw, for each occluder size, the mean image with the occluder, the map, and the mean image masked by the map.

    The colour scale is one for all maps, from 0 to 1; in the right column a pixel is as bright as the map says that
    the model relies on it.

    Args:
        maps: Maps by name, of one image size (H, W).
        mean_image: Mean of the images, ``(H, W, 3)`` uint8 RGB.
        path: Where to write it.
    """
    figure = _figure(len(maps), 3, title="Mean image with occluder · occlusion map · mean image masked by it")
    for row, (name, made) in enumerate(maps.items()):
        axes = figure.axes[3 * row : 3 * row + 3]
        axes[0].imshow(_occluded(mean_image, made))
        axes[0].set_ylabel(name)
        drawn = axes[1].imshow(made.error, cmap="inferno", vmin=0, vmax=1)
        axes[1].set_xlabel(f"accuracy {made.mean_accuracy:.1%} ± {made.std:.1%}", fontsize=8)
        weight = made.error / max(float(made.error.max()), 1e-6)
        axes[2].imshow(np.rint(mean_image * weight[..., None]).astype(np.uint8))
    figure.colorbar(drawn, ax=figure.axes, shrink=0.6, label="error rate by occluder centre")
    return _save(figure, path)


def figure_2(samples: Mapping[str, list[Image]], path: Path) -> Path:
    """Draw occluded faces, one row for each kind of noise.

    Args:
        samples: Images ``(H, W, 3)`` by kind, equally many of each.
        path: Where to write it.
    """
    columns = max(len(images) for images in samples.values())
    figure = _figure(len(samples), columns, title="Noise patches: random intensity, kind and level")
    for row, (name, images) in enumerate(samples.items()):
        for column, image in enumerate(images):
            figure.axes[row * columns + column].imshow(image)
        figure.axes[row * columns].set_ylabel(name)
    return _save(figure, path)


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


def _figure(rows: int, columns: int, *, title: str | None) -> "Figure":
    from matplotlib.figure import Figure  # noqa: PLC0415  takes half a second: pay only when used

    figure = Figure(figsize=(1.9 * columns + 1.2, 1.9 * rows + 0.9), dpi=140, layout="constrained")
    for axes in np.atleast_1d(figure.subplots(rows, columns)).flat:
        _bare(axes)
    if title is not None:
        figure.suptitle(title, fontsize=10)
    return figure


def _bare(axes: "Axes") -> None:
    axes.set_xticks([])
    axes.set_yticks([])


def _save(figure: "Figure", path: Path) -> Path:
    save_figure(figure, path)
    return path

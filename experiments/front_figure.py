"""The picture at the front of the README: faces under occluders, what a SOIDN segments in them, its occlusion map.

    make train-soidn
    python -m experiments.front_figure --checkpoint runs/soidn/latest/checkpoints/last.ckpt

Faces are of identities that training never saw, under held-out occluders; the map is of validation images of the
identities that the model was trained on, as only these have a class.
"""

import argparse
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.figures.image_grid import pixels, tinted
from callbacks.figures.style import MAP_COLOURS, bare
from callbacks.occlusion_sensitivity import occlusion_error_map
from datamodules import FaceDataModule
from datamodules.face_samples import collate_faces
from datamodules.whole_file import whole_file
from experiments.cli import UserError, main
from experiments.cli.arguments import Parser, whole
from experiments.evaluation.trained_module import load_trained
from experiments.runs.rehearsal import rehearsed
from experiments.runs.spec import RunSpec
from lightning_modules import SOIDNModule

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREY = 127.5
MOST_FACES = 5
FONT = 24  # points, so that it can be read where the picture is as wide as a phone
Image = NDArray[np.uint8]


class Seen(NamedTuple):
    """Faces, what covers them, and where the model takes them for covered."""

    images: Tensor
    """``(B, 3, H, W)`` from 0 to 1."""
    tinted: Tensor
    """The same, with what is taken for an occluder in its colour."""
    occluders: Sequence[str]


class Reliance(NamedTuple):
    """An occlusion map and the mean of the faces it was made of."""

    error: NDArray[np.float32]
    """``(H, W)``: error rate by occluder centre."""
    mean_face: Image
    """``(H, W)`` grey."""
    occluder_size: tuple[int, int]


def front_figure(args: Sequence[str]) -> None:
    """Draw the picture of a run.

    Raises:
        UserError: If the checkpoint is no SOIDN's, or the run was evaluated under no occluder.
    """
    options = _parse(args)
    module = load_trained(options.checkpoint).module
    if not isinstance(module, SOIDNModule):
        raise UserError(f"Expected a checkpoint of a SOIDN, got one of {type(module).__name__}: {options.checkpoint}")
    config = Path(options.checkpoint).resolve().parent.parent / "config.yaml"
    spec = RunSpec("", overrides=(f"--config={config}", "--model.init_args.initial_weights=null"))
    data: FaceDataModule = rehearsed(spec).datamodule
    seen = segmented(module, data)
    draw(seen, reliance(module, data, images=options.images, stride=options.stride), Path(options.out))
    print(f"Picture: {options.out}")


@torch.no_grad()
def segmented(module: SOIDNModule, data: FaceDataModule) -> Seen:
    """Return a face of another unseen identity under each held-out occluder, and what the model segments in it."""
    names = data.evaluation_occluders.names[:MOST_FACES] if data.evaluation_occluders else ()
    if not names:
        raise UserError("Expected a run with `evaluation_occluders`, got none")
    faces, number = data.test_dataloader().dataset, len(data.split.unseen)  # clean, then each occluder
    rows = [(k + 1) * number + k * number // len(names) for k in range(len(names))]
    batch = collate_faces([faces[row] for row in rows])
    images = pixels(batch["image"])
    return Seen(images, tinted(images, module.test_step(batch, 0)["segmentation"]), names)


def reliance(module: SOIDNModule, data: FaceDataModule, *, images: int, stride: int) -> Reliance:
    """Return the occlusion map for an occluder of 0.3 of the image's height and width."""
    chosen = data.split.validation[:: max(1, len(data.split.validation) // images)][:images]
    faces = np.stack([data.clean_face(int(index)) for index in chosen])  # (N, H, W, 3)
    labels = np.searchsorted(data.split.train_identities, data.source.identities[chosen])
    side = round(0.3 * data.image_size)
    with torch.no_grad():
        error: Tensor = occlusion_error_map(
            module.logits_network(),
            module.pixels(torch.from_numpy(faces).permute(0, 3, 1, 2)),
            torch.from_numpy(labels),
            occluder_size=(side, side),
            fill=module.pixels(torch.full((1, 3, 1, 1), GREY)).flatten(),
            stride=stride,
        )
    return Reliance(error.numpy(), faces.mean((0, 3)).round().astype(np.uint8), (side, side))


def draw(seen: Seen, relied: Reliance, path: Path) -> None:
    """Write faces above what is segmented in them, and beside both the map over the mean face."""
    from matplotlib.figure import Figure  # noqa: PLC0415  takes half a second: pay only when used

    columns = len(seen.images)
    figure = Figure(figsize=(2 * columns + 5, 5.6), dpi=88, layout="constrained")
    rows = [[*(f"{row}{k}" for k in range(columns)), "map", "map"] for row in ("face", "seen")]
    panels = figure.subplot_mosaic(rows)  # type: ignore[arg-type]  # a list of lists of names, as it documents
    for axes in panels.values():
        bare(axes)
    for k, (image, covered, name) in enumerate(zip(*seen, strict=True)):
        panels[f"face{k}"].imshow(image.permute(1, 2, 0).numpy(), interpolation="bicubic")
        panels[f"seen{k}"].imshow(covered.permute(1, 2, 0).numpy(), interpolation="bicubic")
        panels[f"seen{k}"].set_xlabel(name.replace("_", " "), fontsize=FONT - 4)
    _headed(panels["face0"], "Faces that it has never seen, covered")
    _headed(panels["seen0"], "What SOIDN takes for a cover")
    _map(figure, panels["map"], relied)
    save_small(figure, path)


def save_small(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG of six bits a channel: in eight, noisy backgrounds hardly compress."""
    from PIL import Image as Pillow  # noqa: PLC0415  as matplotlib's

    drawn = BytesIO()
    figure.savefig(drawn)
    with Pillow.open(drawn) as picture:
        coarse = picture.convert("RGB").point([min(255, (level + 2) // 4 * 4) for level in range(256)] * 3)
    with whole_file(path) as file:
        coarse.save(file, format="PNG", optimize=True)


def _headed(axes: "Axes", heading: str) -> None:
    axes.set_title(" ", fontsize=FONT)  # its height counts, but not its width: it is wider than its face
    axes.text(0, 1.05, heading, fontsize=FONT, transform=axes.transAxes).set_in_layout(False)


def _map(figure: "Figure", axes: "Axes", relied: Reliance) -> None:
    height, width = relied.occluder_size
    axes.imshow(relied.mean_face, cmap="gray", interpolation="bicubic")
    drawn = axes.imshow(100 * relied.error, cmap=MAP_COLOURS, alpha=0.65, interpolation="bicubic")
    axes.set_title("Occlusion map: where a\ncover makes it err", loc="left", fontsize=FONT)
    bar = figure.colorbar(drawn, ax=axes, fraction=0.046, pad=0.03, format="%.0f %%")
    bar.solids.set_alpha(1.0)  # type: ignore[union-attr]  # there where the bar is of an image
    bar.ax.tick_params(labelsize=FONT - 6)
    axes.set_xlabel(f"errors, {height} × {width} square here", fontsize=FONT - 6)


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m experiments.front_figure", description=__doc__)
    parser.add_argument("--checkpoint", default="runs/soidn/latest/checkpoints/last.ckpt", help="of a SOIDN")
    parser.add_argument("--out", default="docs/front.png")
    parser.add_argument("--images", type=whole("--images", 1), default=200, help="most images that the map is made of")
    parser.add_argument("--stride", type=whole("--stride", 1), default=4, help="pixels between the centres evaluated")
    return parser.parse_args(args)


if __name__ == "__main__":
    main(front_figure)

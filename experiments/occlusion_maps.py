"""Occlusion maps from model A to Table 1: A, its maps, fine-tuning under placed occluders, and maps of the results.

    python -m experiments.occlusion_maps [--data FOLDER] [--scale demo|paper] [--alignment arcface|lfw]
                                         [--seeds 0 1 2] [--models A A_20×20 …] [--key=value …]

This is what ``make occlusion-maps`` calls. Models are trained by the configurations ``model_a``, ``model_a_strategic``
and ``model_a_normal``; further options override keys of all of them. A control, A′, has the same number of further
steps on clean images; A_20×20 refreshed recomputes its map every second epoch. Maps that place occluders and maps that
score models are of different validation images. Finished models are kept under ``runs/occlusion_maps`` and not trained
again. Written there: a table beside the paper's, figures 1 and 2, and all figures as JSON.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from callbacks.occlusion_figures import figure_1, figure_2
from datamodules import FaceDataModule
from datamodules.occluders import NoisePatch, UniformPlacement
from datamodules.occlusion_map_file import OcclusionMap
from datamodules.randomness import sample_generator
from experiments.benchmarks.compare_systems import interval
from experiments.cli import FaceCLI, main
from experiments.launch import people
from experiments.model_a import (
    CONTROL,
    FOLDER,
    REFRESHED,
    SIZES,
    Setting,
    fine_tuned,
    model_a,
    parse,
    planned,
    settings,
)
from experiments.results import write_json
from lightning_modules.networks import fingerprint, read_state_dict

PUBLISHED: Mapping[str, Sequence[tuple[float, float]]] = {
    "A": [(92.9, 10.99), (86.18, 18.51), (76.19, 27.89)],
    "A_20×20": [(97.69, 2.62), (95.1, 5.64), (88.9, 14.13)],
    "A_20×20R": [(97.12, 3.55), (93.98, 7.39), (86.93, 16.98)],
    "A_20×40": [(97.75, 2.42), (95.85, 4.03), (90.64, 10.88)],
    "A_20×40R": [(97.62, 2.9), (95.45, 5.12), (89.54, 13.29)],
    "A_40×40": [(98.37, 1.7), (96.8, 3.16), (93.47, 6.94)],
    "A_40×40R": [(98.31, 2.29), (96.52, 4.14), (92.61, 9.13)],
}
"""Accuracy % and its standard deviation over locations, by map size (occlusion-map paper, Table 1)."""

MODELS = (*PUBLISHED, CONTROL, REFRESHED)
MEASURES = ("accuracy", "std", "minimum")
COMPARED = (
    ("A_20×20", "A"),
    ("A_20×20R", "A"),
    ("A_20×20", CONTROL),
    ("A_20×20R", CONTROL),
    ("A_20×20", "A_20×20R"),
    ("A_20×40", "A_20×40R"),
    ("A_40×40", "A_40×40R"),
    (REFRESHED, "A_20×20"),
    (REFRESHED, "A_20×20R"),
)
Maps = dict[str, OcclusionMap]
"""Maps by name of the occluder's size."""


def chain(args: Sequence[str]) -> None:
    """Train what is missing, make the maps, print and write the table and the figures.

    Raises:
        UserError: If the data cannot be used, or an option is wrong.
    """
    options, overrides = parse(args, command="occlusion_maps", description=__doc__, models=MODELS, default=MODELS)
    found: dict[str, dict[int, Maps]] = {}
    for setting in settings(options, overrides):
        for name, maps in train_all(setting, options.models).items():
            found.setdefault(name, {})[setting.seed] = maps
    results = {name: {seed: measures(maps) for seed, maps in by_seed.items()} for name, by_seed in found.items()}
    write_json(FOLDER / "results.json", results)
    console = Console(width=150)
    console.print(table_1(results))
    if len(options.seeds) > 1:
        console.print(differences(results))
    print(f"Maps, figures 1 and 2 and results.json: {FOLDER}")


def train_all(setting: Setting, models: Sequence[str]) -> dict[str, Maps]:
    """Return the scoring maps of the models of one seed, training what has not been trained."""
    plan = planned(setting)
    who = people(plan)
    base = model_a(setting, who)
    state = fingerprint(read_state_dict(base["checkpoint"]))
    placement = {
        size.name: OcclusionMap.load(path, occluder_size=size.at(setting.scale), model=state)
        for size, path in zip(SIZES, base["placement"], strict=True)
    }
    draw_figures(plan, placement, FOLDER / f"seed{setting.seed}")
    found = {"A": _scoring(base)} if "A" in models else {}
    for name in models:
        if name != "A":
            found[name] = _scoring(fine_tuned(name, base, setting, who))
    return found


def _scoring(trained: Mapping[str, Any]) -> Maps:
    return {size.name: OcclusionMap.load(path) for size, path in zip(SIZES, trained["scoring"], strict=True)}


def measures(maps: Maps) -> dict[str, dict[str, float]]:
    """Return mean accuracy, its standard deviation over locations and its minimum for each map, in %."""
    return {
        name: {
            "accuracy": 100 * made.mean_accuracy,
            "std": 100 * made.std,
            "minimum": 100 * (1 - float(made.error.max())),
            "images": float(len(made.indices)),
        }
        for name, made in maps.items()
    }


Results = Mapping[str, Mapping[int, Mapping[str, Mapping[str, float]]]]
"""Model → seed → map size → measure."""


def table_1(results: Results) -> Table:
    """Return Table 1 with the paper's figures beside ours: accuracy ± standard deviation, means over seeds."""
    seeds = sorted({seed for by_seed in results.values() for seed in by_seed})
    table = Table(
        title=f"Accuracy under an occluder, mean ± standard deviation over its locations, % (seeds {seeds})",
        caption="Columns: size of the occluder that scores. paper: on CASIA-WebFace, to compare in kind.",
    )
    table.add_column("model")
    for size in SIZES:
        table.add_column(f"O {size.name}", justify="right")
        table.add_column("minimum", justify="right")
        table.add_column("paper", justify="right")
    for name, by_seed in results.items():
        cells = []
        for index, size in enumerate(SIZES):
            accuracy, std, minimum = (
                statistics.fmean(found[size.name][measure] for found in by_seed.values()) for measure in MEASURES
            )
            published = PUBLISHED[name][index] if name in PUBLISHED else None
            cells += [f"{accuracy:.1f} ± {std:.1f}", f"{minimum:.1f}"]
            cells.append(f"{published[0]:g} ± {published[1]:g}" if published else "")
        table.add_row(name, *cells)
    return table


def differences(results: Results) -> Table:
    """Return paired differences between models with their 95 % intervals over seeds."""
    table = Table(title="Paired differences in points, with 95 % interval over seeds")
    table.add_column("difference")
    for size in SIZES:
        for measure in MEASURES:
            table.add_column(f"{size.name} {measure}", justify="right")
    for one, other in COMPARED:
        if one not in results or other not in results:
            continue
        cells = []
        for size in SIZES:
            for measure in MEASURES:
                pairs = [
                    found[size.name][measure] - results[other][seed][size.name][measure]
                    for seed, found in results[one].items()
                ]
                mean, half = interval(pairs)
                cells.append(f"{mean:+.1f}" + (f" ± {half:.1f}" if math.isfinite(half) else ""))
        table.add_row(f"{one} − {other}", *cells)
    return table


def draw_figures(planned: FaceCLI, placement: Maps, folder: Path) -> None:
    """Draw the paper's figures 1 and 2 of the validation images."""
    data: FaceDataModule = planned.datamodule
    faces = [data.clean_face(int(index)) for index in data.split.validation[:200]]
    figure_1(placement, np.stack(faces).mean(0).round().astype(np.uint8), folder / "figure_1.png")
    figure_2(_patches(faces, next(iter(placement.values())).occluder_size), folder / "figure_2.png")


def _patches(
    faces: Sequence[NDArray[np.uint8]], size: tuple[int, int], columns: int = 6
) -> dict[str, list[NDArray[np.uint8]]]:
    kinds = ("salt_and_pepper", "speckle", "gaussian")
    samples: dict[str, list[NDArray[np.uint8]]] = {}
    for kind in kinds:
        others = {other: None for other in kinds if other != kind}
        patch = NoisePatch(size, UniformPlacement(), colour=False, **others)  # type: ignore[arg-type]  # levels of noise
        points = np.zeros((5, 2), np.float32)  # patches do not look at landmarks
        samples[kind.replace("_", "-")] = [
            patch(_grey(face), points, sample_generator(0, 0, index, stream=kind)).image
            for index, face in enumerate(faces[:columns])
        ]
    return samples


def _grey(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(face.mean(-1, keepdims=True).round(), 3, -1).astype(np.uint8)


if __name__ == "__main__":
    main(chain)

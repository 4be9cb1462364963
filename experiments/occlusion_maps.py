"""Occlusion maps from model A to Table 1: A, its maps, fine-tuning under placed occluders, and maps of the results.

    python -m experiments.occlusion_maps [--data FOLDER] [--scale demo|paper] [--alignment arcface|lfw]
                                         [--seeds 0 1 2] [--models A A_20×20 …] [--key=value …]

This is what ``make occlusion-maps`` calls. Models are trained by the configurations ``model_a``, ``model_a_strategic``
and ``model_a_normal``; further options override keys of all of them. A control, A′, has the same number of further
steps on clean images; A_20×20 refreshed recomputes its map every second epoch. Maps that place occluders and maps that
score models are of different validation images. Finished models are kept under ``runs/occlusion_maps`` and not trained
again. Written there: a table beside the paper's, figures 1 and 2, and all figures as JSON.
"""

import argparse
import json
import math
import shutil
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from callbacks.occlusion_figures import figure_1, figure_2
from datamodules import FaceDataModule
from datamodules.occluders import NoisePatch, UniformPlacement
from datamodules.occlusion_map_file import OcclusionMap
from datamodules.randomness import sample_generator
from experiments.benchmarks.compare_systems import interval
from experiments.cli import FaceCLI, UserError, main, run
from experiments.launch import (
    CONFIGS,
    DataChoice,
    Parser,
    add_data_options,
    choose_data,
    choose_scale,
    digest,
    longer,
    people,
)
from experiments.results import write_json
from lightning_modules.networks import fingerprint, read_state_dict

FOLDER = Path("runs/occlusion_maps")
REFRESH_EVERY = 2


class Size(NamedTuple):
    """An occluder of the paper."""

    name: str
    height: int
    width: int
    temperature: float

    def at(self, scale: str) -> tuple[int, int]:
        """Height and width in pixels: the demo's images are half as large as the paper's."""
        factor = 2 if scale == "demo" else 1
        return self.height // factor, self.width // factor


SIZES = (Size("20×20", 20, 20, 0.25), Size("20×40", 20, 40, 0.4), Size("40×40", 40, 40, 0.6))

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

CONTROL, REFRESHED = "A′", "A_20×20 refreshed"
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


class Setting(NamedTuple):
    """What all models of a seed have in common."""

    scale: str
    seed: int
    data: DataChoice
    overrides: Sequence[str]
    stride: int
    num_images: int

    def config(self, kind: str) -> Path:
        """Return a configuration's file."""
        return CONFIGS / f"{kind}_{'demo' if self.scale == 'demo' else 'casia'}.yaml"

    def fit(self, kind: str, options: Iterable[str] = ()) -> list[str]:
        """Return the command line of a training without its callbacks."""
        config = self.config(kind)
        own = [f"--seed_everything={self.seed}", "--evaluate=false"]
        if not self.data.options and self.scale == "demo":  # generated people, others with every seed
            own.append(f"--data.init_args.source.init_args.seed={self.seed}")
        return [
            "fit",
            f"--config={config}",
            *longer(config, self.data.repeat),
            *self.data.options,
            *own,
            *options,
            *self.overrides,
        ]


def chain(args: Sequence[str]) -> None:
    """Train what is missing, make the maps, print and write the table and the figures.

    Raises:
        UserError: If the data cannot be used, or an option is wrong.
    """
    options, overrides = _parse(args)
    scale, why = choose_scale(options.scale, has_data=options.data is not None, has_gpu=torch.cuda.is_available())
    print(f"Scale: {scale} ({why})")
    data = choose_data(options.data, options.alignment, scale)
    stride, num_images = (2, 200) if scale == "demo" else (1, 1000)
    found: dict[str, dict[int, Maps]] = {}
    for seed in options.seeds:
        setting = Setting(scale, seed, data, overrides, options.stride or stride, options.images or num_images)
        for name, maps in train_all(setting, options.models).items():
            found.setdefault(name, {})[seed] = maps
    results = {name: {seed: measures(maps) for seed, maps in by_seed.items()} for name, by_seed in found.items()}
    write_json(FOLDER / "results.json", results)
    console = Console(width=150)
    console.print(table_1(results))
    if len(options.seeds) > 1:
        console.print(differences(results))
    print(f"Maps, figures 1 and 2 and results.json: {FOLDER}")


def train_all(setting: Setting, models: Sequence[str]) -> dict[str, Maps]:
    """Return the scoring maps of the models of one seed, training what has not been trained."""
    planned = run(setting.fit("model_a", ["--trainer.logger=false"]), dry=True)
    who = people(planned)
    base = _trained("A", "model_a", [], setting, who, subsets=("placement", "scoring"))
    state = fingerprint(read_state_dict(base["checkpoint"]))
    placement = {
        size.name: OcclusionMap.load(path, occluder_size=size.at(setting.scale), model=state)
        for size, path in zip(SIZES, base["placement"], strict=True)
    }
    draw_figures(planned, placement, FOLDER / f"seed{setting.seed}")
    found = {"A": _scoring(base)} if "A" in models else {}
    for name in models:
        if name != "A":
            found[name] = _scoring(_fine_tuned(name, base, setting, who))
    return found


def _fine_tuned(name: str, base: Mapping[str, Any], setting: Setting, who: list[str]) -> dict[str, Any]:
    start = [f"--model.init_args.initial_weights={base['checkpoint']}"]
    if name == CONTROL:
        return _trained(name, "model_a_normal", [*start, "--data.init_args.training_occluder=null"], setting, who)
    size = next(size for size in SIZES if name.removeprefix("A_").startswith(size.name))
    patch = "--data.init_args.training_occluder.init_args.occluders.noise_patch.init_args"
    start.append(f"{patch}.size={list(size.at(setting.scale))}")
    if name.endswith("R"):
        return _trained(name, "model_a_normal", start, setting, who)
    map_file = base["placement"][SIZES.index(size)]
    refreshed = None
    if name == REFRESHED:
        refreshed = FOLDER / f"seed{setting.seed}" / f"{digest(map_file)}-refreshed.npz"
        refreshed.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(map_file, refreshed)
    start.append(f"{patch}.placement.init_args.map_file={refreshed or map_file}")
    start.append(f"{patch}.placement.init_args.temperature={size.temperature}")
    return _trained(name, "model_a_strategic", start, setting, who, refreshed=refreshed, size=size)


def _trained(
    name: str,
    kind: str,
    options: list[str],
    setting: Setting,
    who: list[str],
    *,
    subsets: Sequence[str] = ("scoring",),
    refreshed: Path | None = None,
    size: Size = SIZES[0],
) -> dict[str, Any]:
    """Return checkpoint and maps of a model, from the record of an earlier run if there is one."""
    common = {"num_images": setting.num_images, "stride": setting.stride}
    config = setting.config(kind)
    fit = setting.fit(kind, options)
    mapping = {"occluder_sizes": [list(s.at(setting.scale)) for s in SIZES], "every_n_epochs": None, **common}
    callbacks = [_callback("callbacks.OcclusionMapping", **mapping, subset=subset) for subset in subsets]
    if refreshed is not None:
        own = {
            "map_file": str(refreshed),
            "occluder_size": list(size.at(setting.scale)),
            "refresh_every": REFRESH_EVERY,
        }
        callbacks.append(_callback("callbacks.MapRefresh", **own, **common))
    key = digest(config.read_text(), *fit, json.dumps(callbacks), *who)
    record = FOLDER / f"seed{setting.seed}" / f"{name.replace(' ', '-')}-{key}.json"
    if record.exists():
        kept: dict[str, Any] = json.loads(record.read_text())
        if all(Path(path).exists() for path in (kept["checkpoint"], *(p for s in subsets for p in kept[s]))):
            print(f"Model {name}: trained before with the same settings ({record})")
            return kept
    print(f"Model {name}, seed {setting.seed}")
    checkpoint = _callback("pytorch_lightning.callbacks.ModelCheckpoint", save_last=True, save_top_k=0)
    cli = run(
        [*fit, f"--trainer.callbacks={json.dumps([checkpoint, *callbacks])}", "--trainer.enable_progress_bar=false"]
    )
    folder = Path(str(cli.trainer.log_dir))
    result: dict[str, Any] = {"checkpoint": str(folder / "checkpoints/last.ckpt")}
    for subset in subsets:
        names = ["{}x{}".format(*s.at(setting.scale)) for s in SIZES]
        found = [sorted((folder / "occlusion_maps").glob(f"{subset}-{n}-epoch*.npz")) for n in names]
        if [] in found:
            raise UserError(f"Expected occlusion maps of {name} in {folder}, got none: was the training stopped?")
        paths = [last for *_, last in found]
        result[subset] = [str(path) for path in paths]
    write_json(record, result)
    return result


def _callback(class_path: str, **init_args: Any) -> dict[str, Any]:
    return {"class_path": class_path, "init_args": init_args}


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


def _parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = Parser(
        prog="python -m experiments.occlusion_maps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_data_options(parser)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--stride", type=int, help="pixels between the centres evaluated; demo 2, paper 1")
    parser.add_argument("--images", type=int, help="images of each map; demo 200, paper 1,000")
    return parser.parse_known_args(args)


if __name__ == "__main__":
    main(chain)

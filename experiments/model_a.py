"""Model A and the models that go on from it, trained once for each seed and setting (occlusion-map paper)."""

import argparse
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from experiments.cli import FaceCLI, UserError, run
from experiments.launch import (
    CONFIGS,
    DataChoice,
    Parser,
    add_data_options,
    choose_data,
    choose_scale,
    digest,
    longer,
)
from experiments.results import write_json

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

CONTROL, REFRESHED = "A′", "A_20×20 refreshed"


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
        """Return the command line of a training without its callbacks and its evaluation."""
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


def parse(
    args: Sequence[str], *, command: str, description: str, models: Sequence[str], default: Sequence[str]
) -> tuple[argparse.Namespace, list[str]]:
    """Split the command line of a command that trains these models into its options and the configurations'."""
    parser = Parser(
        prog=f"python -m experiments.{command}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_data_options(parser)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--stride", type=int, help="pixels between the centres that maps evaluate; demo 2, paper 1")
    parser.add_argument("--images", type=int, help="images of each map; demo 200, paper 1,000")
    parser.add_argument("--models", nargs="+", choices=models, default=list(default))
    return parser.parse_known_args(args)


def settings(options: argparse.Namespace, overrides: Sequence[str]) -> list[Setting]:
    """Choose scale and data, say what was chosen, and return the setting of each seed."""
    scale, why = choose_scale(options.scale, has_data=options.data is not None, has_gpu=torch.cuda.is_available())
    print(f"Scale: {scale} ({why})")
    data = choose_data(options.data, options.alignment, scale)
    stride, num_images = (2, 200) if scale == "demo" else (1, 1000)
    stride, num_images = options.stride or stride, options.images or num_images
    return [Setting(scale, seed, data, overrides, stride, num_images) for seed in options.seeds]


def model_a(setting: Setting, who: list[str]) -> dict[str, Any]:
    """Return checkpoint and maps of model A itself, of both halves of the validation images."""
    return trained("A", "model_a", [], setting, who, subsets=("placement", "scoring"))


def planned(setting: Setting) -> FaceCLI:
    """Return model A's training, built but not run."""
    return run(setting.fit("model_a", ["--trainer.logger=false"]), dry=True)


def fine_tuned(name: str, base: Mapping[str, Any], setting: Setting, who: list[str]) -> dict[str, Any]:
    """Return checkpoint and scoring maps of a model that goes on from A under occluders, or on clean images.

    Args:
        name: ``A_<size>``, ``A_<size>R``, or one of the controls.
        base: Model A, with maps for the placement of occluders.
        setting: What all models have in common.
        who: What tells one collection of people from another.
    """
    start = [f"--model.init_args.initial_weights={base['checkpoint']}"]
    if name == CONTROL:
        return trained(name, "model_a_normal", [*start, "--data.init_args.training_occluder=null"], setting, who)
    size = next(size for size in SIZES if name.removeprefix("A_").startswith(size.name))
    patch = "--data.init_args.training_occluder.init_args.occluders.noise_patch.init_args"
    start.append(f"{patch}.size={list(size.at(setting.scale))}")
    if name.endswith("R"):
        return trained(name, "model_a_normal", start, setting, who)
    map_file = base["placement"][SIZES.index(size)]
    refreshed = None
    if name == REFRESHED:
        refreshed = FOLDER / f"seed{setting.seed}" / f"{digest(map_file)}-refreshed.npz"
        refreshed.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(map_file, refreshed)
    start.append(f"{patch}.placement.init_args.map_file={refreshed or map_file}")
    start.append(f"{patch}.placement.init_args.temperature={size.temperature}")
    return trained(name, "model_a_strategic", start, setting, who, refreshed=refreshed, size=size)


def trained(
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
    callbacks = [callback("callbacks.OcclusionMapping", **mapping, subset=subset) for subset in subsets]
    if refreshed is not None:
        own = {
            "map_file": str(refreshed),
            "occluder_size": list(size.at(setting.scale)),
            "refresh_every": REFRESH_EVERY,
        }
        callbacks.append(callback("callbacks.MapRefresh", **own, **common))
    key = digest(config.read_text(), *fit, json.dumps(callbacks), *who)
    record = record_of(name, setting, key)
    kept = finished(name, record, *subsets)
    if kept is not None:
        return kept
    print(f"Model {name}, seed {setting.seed}")
    checkpoint = callback("pytorch_lightning.callbacks.ModelCheckpoint", save_last=True, save_top_k=0)
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


def record_of(name: str, setting: Setting, key: str) -> Path:
    """Return the file that says what became of a model's training."""
    return FOLDER / f"seed{setting.seed}" / f"{name.replace(' ', '-')}-{key}.json"


def finished(name: str, record: Path, *subsets: str) -> dict[str, Any] | None:
    """Return a record whose checkpoint and maps are still there, and say so."""
    if not record.exists():
        return None
    kept: dict[str, Any] = json.loads(record.read_text())
    if not all(Path(path).exists() for path in (kept["checkpoint"], *(p for s in subsets for p in kept[s]))):
        return None
    print(f"Model {name}: trained before with the same settings ({record})")
    return kept


def callback(class_path: str, **init_args: Any) -> dict[str, Any]:
    """Return a callback as a configuration has it."""
    return {"class_path": class_path, "init_args": init_args}

"""Choose configuration, scale and stages for one of the four systems, and train it.

    python -m experiments.launch soidn [--data FOLDER] [--scale demo|paper] [--weights FILE]
                                       [--alignment arcface|lfw] [--key=value …]

This is what ``make train-soidn DATA=… SCALE=… ARGS="…"`` calls. Everything it decides is a configuration of
``experiments.train`` and is printed; further options override that configuration's keys.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
import torch
import yaml
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.sources import RecordIO, describe, open_source
from experiments.cli import FaceCLI, UserError, main, run
from experiments.results import write_json

CONFIGS = Path(__file__).parent / "configs"
DEMO_IMAGES = 3600  # what the demo configurations' epochs are meant for
SYSTEMS = ("soidn", "baseline", "trunk", "segmentation")
STARTS_FROM_TRUNK = ("soidn", "baseline")
TRUNK_KEYS = (
    "--seed_everything",
    "--trainer.",
    "--data.",
    "--model.init_args.network.init_args.trunk",
    "--model.init_args.network.init_args.head",
    "--model.init_args.normalize",
)
NOT_TRUNK_KEYS = ("--trainer.max_epochs", "--trainer.max_steps", "--data.init_args.training_occluder")


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """See :class:`argparse.ArgumentParser`."""
        raise UserError(message)


def launch(args: Sequence[str]) -> None:
    """Train one system, after its trunk where no other weights are given.

    Raises:
        UserError: If the data cannot be used, or an option is wrong.
    """
    options, overrides = parse(args)
    scale, why = choose_scale(options.scale, has_data=options.data is not None, has_gpu=torch.cuda.is_available())
    print(f"Scale: {scale} ({why})")
    config = CONFIGS / f"{options.system}_{'demo' if scale == 'demo' else 'casia'}.yaml"
    data = choose_data(options.data, options.alignment, scale)
    weights = options.weights
    if weights is None and scale == "demo" and options.system in STARTS_FROM_TRUNK:
        # mistakes in what comes last show before the trunk is trained, which loads every image
        run(["fit", f"--config={config}", *data.options, *overrides, "--data.init_args.check_images=false"], dry=True)
        weights = train_trunk_once([*data.options, *trunk_overrides(overrides)], repeat=data.repeat)
    start = [] if weights is None else [f"--model.init_args.initial_weights={weights}"]
    print(f"Configuration: {config.relative_to(CONFIGS.parent.parent)}")
    run(["fit", f"--config={config}", *longer(config, data.repeat), *data.options, *start, *overrides])


def parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split a command line into this command's options and the configuration's."""
    parser = Parser(
        prog="python -m experiments.launch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("--data", help="folder of one sub-folder per identity, or InsightFace RecordIO folder")
    parser.add_argument("--scale", choices=("demo", "paper"), help="size of model, images and schedule")
    parser.add_argument("--weights", help="local file of initial weights")
    parser.add_argument("--alignment", default="arcface", help="where landmarks are in aligned crops")
    options, overrides = parser.parse_known_args(args)
    return options, join_values(overrides)


def join_values(overrides: Sequence[str]) -> list[str]:
    """Return each option as one word.

    Example:
        >>> join_values(["--trainer.max_epochs", "3", "--seed_everything=1"])
        ['--trainer.max_epochs=3', '--seed_everything=1']
    """
    joined: list[str] = []
    for word in overrides:
        if joined and not word.startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def choose_scale(wanted: str | None, *, has_data: bool, has_gpu: bool) -> tuple[str, str]:
    """Return the scale and the reason for it.

    Example:
        >>> choose_scale(None, has_data=True, has_gpu=False)
        ('demo', 'no GPU here; SCALE=paper overrides')
    """
    if wanted is not None:
        return wanted, "as asked for"
    if not has_data:
        return "demo", "no DATA given"
    return ("paper", "DATA and a GPU are there") if has_gpu else ("demo", "no GPU here; SCALE=paper overrides")


class DataChoice(NamedTuple):
    """What a run trains on, as far as it is not the configuration's."""

    options: list[str]
    repeat: int = 1
    """How many times the configuration's epochs it takes, so that few faces are trained on as long as many."""


def choose_data(path: str | None, alignment: str, scale: str) -> DataChoice:
    """Put a user's dataset in the place of the configuration's, and say what it is."""
    if path is None:
        print("Faces: generated (DATA=folder takes yours)")
        return DataChoice([])
    try:
        source = open_source(path)
    except DataError as error:
        raise UserError(str(error)) from error
    print(f"Faces: {describe(source)}; landmarks: the {alignment!r} alignment")
    kind = "RecordIO" if isinstance(source, RecordIO) else "ImageFolder"
    options = [
        f"--data.init_args.source={_instance(f'datamodules.sources.{kind}', root=path)}",
        f"--data.init_args.landmarks={_instance('datamodules.sources.FixedLandmarks', points=alignment)}",
    ]
    if scale == "paper":
        return DataChoice(options)
    counts = np.bincount(source.identities)
    min_images = demo_min_images(counts)
    options += [f"--data.init_args.min_images={min_images}", "--data.init_args.max_unseen_share=0.2"]
    return DataChoice(options, repeat=demo_repeat(int(counts[counts >= min_images].sum())))


def demo_repeat(images: int, *, most: int = 25) -> int:
    """Return how many times the demo's epochs few images are trained for, to come to about as many steps.

    Example:
        >>> demo_repeat(4000), demo_repeat(1200), demo_repeat(10)
        (1, 3, 25)
    """
    return max(1, min(most, DEMO_IMAGES // max(images, 1)))


def longer(config: Path, repeat: int) -> list[str]:
    """Return the option that multiplies a configuration's epochs."""
    epochs = repeat * int(yaml.safe_load(config.read_text())["trainer"]["max_epochs"])
    return [] if repeat == 1 else [f"--trainer.max_epochs={epochs}"]


def _instance(class_path: str, **init_args: str) -> str:
    return json.dumps({"class_path": class_path, "init_args": init_args})


def demo_min_images(counts: NDArray[np.int64], *, preferred: int = 10, fallback: int = 4, enough: int = 10) -> int:
    """Return how many images an identity needs in a demo: 10, or 4 where fewer than ten identities have 10."""
    rich = np.count_nonzero(counts >= preferred)
    number = preferred if rich >= enough else fallback
    print(f"Training takes identities of at least {number} images ({rich} have {preferred})")
    return number


def trunk_overrides(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that concern the trunk's own training too."""
    return [o for o in overrides if o.startswith(TRUNK_KEYS) and not o.startswith(NOT_TRUNK_KEYS)]


def train_trunk_once(options: Sequence[str], *, repeat: int = 1) -> str | None:
    """Return the checkpoint of a trunk trained on clean faces with these options, training it if there is none."""
    config = CONFIGS / "trunk_demo.yaml"
    options = [*longer(config, repeat), *options]
    key = hashlib.sha256(json.dumps([config.read_text(), *options]).encode()).hexdigest()[:12]
    record = Path("runs/trunk_demo") / f"{key}.json"
    if record.exists() and Path(checkpoint := json.loads(record.read_text())["checkpoint"]).exists():
        print(f"Trunk: {checkpoint}, trained before with the same settings (delete {record} to train it again)")
        return str(checkpoint)
    print("Trunk: training it on clean faces first")
    trained: FaceCLI = run(["fit", f"--config={config}", *options, "--evaluate=false"])
    checkpoint = getattr(trained.trainer.checkpoint_callback, "last_model_path", "")
    if not checkpoint:
        return None
    write_json(record, {"checkpoint": checkpoint, "options": list(options)})
    return str(checkpoint)


if __name__ == "__main__":
    main(launch)

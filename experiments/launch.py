"""Choose configuration, scale and stages for one of the systems, and train it.

    python -m experiments.launch soidn [--data FOLDER] [--scale demo|paper] [--weights FILE]
                                       [--alignment arcface|lfw] [--key=value …]

This is what ``make train-soidn DATA=… SCALE=… ARGS="…"`` calls. Everything it decides is a configuration of
``experiments.train`` and is printed; further options override that configuration's keys.
"""

import argparse
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray

from callbacks.run_files import write_json
from datamodules.errors import DataError
from datamodules.occluders.strategic_placement import placement_distribution
from datamodules.seams.occlusion_map_file import OcclusionMap
from datamodules.sources import RecordIO, describe, open_source
from experiments.cli import FaceCLI, UserError, join_values, main, run
from experiments.cli.dry_cli import values_of
from experiments.contents import Contents
from experiments.errors import said
from experiments.runs.layers import CONFIGURATIONS, SUFFIXES, SYSTEMS, configuration, layers, merged
from lightning_modules.networks import IMAGENET_MEAN, IMAGENET_STD, Normalize

TRUNK = "trunk_demo"
DEMO_IMAGES = 3600  # what the demo configurations' epochs are meant for
SOIDN_SYSTEMS = ("soidn", "baseline", "trunk", "segmentation")
"""Those that the SOIDN paper compares; at its scale they start from VGG-Face."""
FINE_TUNED = ("triplet", "batch_triplet")
"""Models B and C of the occlusion-map paper, which start from its model A."""
OCCLUDED = ("model_a_strategic", "model_a_normal")
"""Its A_h×w and A_h×wR: model A, fine-tuned under noise patches."""
FROM_MODEL_A = (*FINE_TUNED, *OCCLUDED)
STARTS_FROM = dict.fromkeys(("soidn", "baseline", "segmentation"), "trunk") | dict.fromkeys(FROM_MODEL_A, "model_a")
"""What is trained on clean faces first, where no weights are given."""
OWN_OPTIONS = ("data", "scale", "alignment", "weights")
BATCH_SIZE = "--data.init_args.loading.batch_size"
LENGTH_KEYS = ("--trainer.max_epochs", "--trainer.max_steps", "--trainer.min_epochs", "--trainer.max_time")
SAMPLES = 64
"""Images that are looked at, about, to tell one collection of faces from another."""
MAP_OF = {SUFFIXES["demo"]: (2, 200), SUFFIXES["paper"]: (1, 1000)}
"""Stride and number of images of the map that places noise patches, by scale."""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """See :class:`argparse.ArgumentParser`."""
        raise UserError(message)


class DataChoice(NamedTuple):
    """What a run trains on, as far as it is not the configuration's."""

    options: list[str]
    repeat: int = 1
    """How many times the configuration's epochs it takes, so that few faces are trained on as long as many."""
    identities: int | None = None
    """How many people there are to train on at least, where that may be few."""


def launch(args: Sequence[str]) -> None:
    """Train one system, after what it starts from where no weights are given.

    Raises:
        UserError: If the data cannot be used, an option is wrong, or weights are missing.
    """
    options, overrides = parse(args)
    scale, config, data = choose(options)
    weights = options.weights
    if weights is None and options.system in FROM_MODEL_A and scale == "paper":
        raise UserError("Expected WEIGHTS=file, a checkpoint of model A (make train-model-a), got none")
    shared = shared_overrides(overrides)
    needs_first = weights is None and scale == "demo" and options.system in STARTS_FROM
    start: list[str] = []
    if needs_first or options.system == "model_a_strategic":
        # mistakes in what comes last show before the first stage is trained
        planned = plan(config, data, overrides)
        if needs_first:
            first = configuration(STARTS_FROM[options.system], scale)
            weights = train_first_once(planned, [*longer(first, data.repeat), *shared], first)
        start = placed_by_map(planned, shared, config, weights)
    start += [] if weights is None else [f"--model.init_args.initial_weights={weights}"]
    if scale == "paper":
        start = [*pixel_options(options.system, weights), *start]
    print(f"Configuration: {config}: {', '.join(f'{path.parent.name}/{path.name}' for path in layers(config))}")
    run(
        ["fit", f"--config={config}", *longer(config, data.repeat), *data.options, *start, *overrides],
        siblings=OWN_OPTIONS,
    )


def rehearse(args: Sequence[str]) -> FaceCLI:
    """Refuse a command line that cannot work, without training anything, and return what it would train.

    Raises:
        UserError: If an option is wrong, or the data cannot be used.
    """
    options, overrides = parse(args)
    _, config, data = choose(options)
    return plan(config, data, overrides)


def choose(options: argparse.Namespace) -> tuple[str, str, DataChoice]:
    """Return scale, configuration and data of a command line, and say what was chosen and why."""
    scale, why = choose_scale(options.scale, has_data=options.data is not None, has_gpu=torch.cuda.is_available())
    print(f"Scale: {scale} ({why})")
    config = configuration(options.system, scale)
    data = choose_data(options.data, options.alignment, scale)
    data.options.extend(fewer_identities(config, data.identities))
    return scale, config, data


def plan(config: str, data: DataChoice, overrides: Sequence[str]) -> FaceCLI:
    """Build a training without running it, and without what its first stage will leave.

    Raises:
        UserError: If an option is wrong, or a map other than the configuration's is not there.
    """
    planned = run(["fit", f"--config={config}", *data.options, *overrides], dry=True, siblings=OWN_OPTIONS)
    own = [str(path) for path in values_of(merged(config), "map_file")]
    for placement in strategic_placements(planned):
        try:
            placement_distribution(np.zeros((1, 1)), placement.temperature)
        except ValueError as error:
            raise UserError(str(error)) from error
        if not placement.map_file.exists() and str(placement.map_file) not in own:
            raise UserError(f"{placement.map_file}: expected an occlusion map, found no such file")
    return planned


def parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split a command line into this command's options and the configuration's."""
    parser = Parser(
        prog="python -m experiments.launch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("system", choices=SYSTEMS)
    add_data_options(parser)
    parser.add_argument("--weights", help="local file of initial weights")
    options, overrides = parser.parse_known_args(args)
    return options, join_values(overrides)


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose data and scale, the same in every command."""
    parser.add_argument("--data", help="folder of one sub-folder per identity, or InsightFace RecordIO folder")
    parser.add_argument("--scale", choices=("demo", "paper"), help="size of model, images and schedule")
    parser.add_argument("--alignment", default="arcface", help="where landmarks are in aligned crops")


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


def choose_data(path: str | None, alignment: str, scale: str) -> DataChoice:
    """Put a user's dataset in the place of the configuration's, and say what it is."""
    if path is None:
        print("Faces: generated (DATA=folder takes yours)")
        return DataChoice([])
    try:
        source = open_source(path)
    except DataError as error:
        raise UserError(str(error)) from error
    print(f"Faces: {describe(source)}; landmarks: the {alignment!r} alignment (ALIGNMENT=… names another)")
    kind = "RecordIO" if isinstance(source, RecordIO) else "ImageFolder"
    options = [
        f"--data.init_args.source={_instance(f'datamodules.sources.{kind}', root=path)}",
        f"--data.init_args.landmarks={_instance('datamodules.sources.FixedLandmarks', points=alignment)}",
    ]
    if scale == "paper":
        return DataChoice(options)
    counts = np.bincount(source.identities)
    min_images = demo_min_images(counts)
    options += [f"--data.init_args.split.min_images={min_images}", "--data.init_args.split.max_unseen_share=0.2"]
    enough = counts[counts >= min_images]
    return DataChoice(options, repeat=demo_repeat(int(enough.sum())), identities=max(2, int(0.8 * len(enough))))


def demo_repeat(images: int, *, most: int = 25) -> int:
    """Return how many times the demo's epochs few images are trained for, to come to about as many steps.

    Example:
        >>> demo_repeat(4000), demo_repeat(1200), demo_repeat(10)
        (1, 3, 25)
    """
    return max(1, min(most, DEMO_IMAGES // max(images, 1)))


def longer(config: str, repeat: float) -> list[str]:
    """Return the option that multiplies a configuration's epochs."""
    epochs = merged(config)["trainer"].get("max_epochs")
    return [] if repeat == 1 or epochs is None else [f"--trainer.max_epochs={round(repeat * int(epochs))}"]


def fewer_identities(config: str, identities: int | None) -> list[str]:
    """Return the option that makes batches of identities of as many as there are.

    Example:
        >>> fewer_identities("triplet_demo", 9)
        ['--data.init_args.identity_batches.identities=9']
        >>> fewer_identities("triplet_demo", 500), fewer_identities(TRUNK, 9)
        ([], [])
    """
    batches = merged(config)["data"]["init_args"].get("identity_batches")
    if batches is None or identities is None or batches["identities"] <= identities:
        return []
    return [f"--data.init_args.identity_batches.identities={identities}"]


def pixel_options(system: str, weights: str | None) -> list[str]:
    """Return the options that make a configuration of SOIDN's paper, meant for VGG-Face's weights, fit other ones.

    Random weights want inputs of about ±1, ImageNet's their own range; at either the unscaled skips of the
    segmentation network are the right ones, see :class:`lightning_modules.networks.FCN8s`.
    """
    if system not in SOIDN_SYSTEMS or weights not in (None, "imagenet"):
        return []
    pixels = Normalize() if weights is None else Normalize(IMAGENET_MEAN, IMAGENET_STD)
    mean, std = pixels.mean.flatten().tolist(), pixels.std.flatten().tolist()
    print(f"Pixels: mean {mean}, standard deviation {std}, as there are no VGG-Face weights")
    options = [f"--model.init_args.normalize.init_args={json.dumps({'mean': mean, 'std': std})}"]
    segmenter = {"soidn": ".segmenter.init_args", "segmentation": ""}.get(system)
    if segmenter is not None:
        options.append(f"--model.init_args.network.init_args{segmenter}.skip_scales=[1.0,1.0]")
    return options


def _instance(class_path: str, **init_args: Any) -> str:
    return json.dumps({"class_path": class_path, "init_args": init_args})


def demo_min_images(counts: NDArray[np.int64], *, preferred: int = 10, fallback: int = 4, enough: int = 10) -> int:
    """Return how many images an identity needs in a demo: 10, or 4 where fewer than ten identities have 10."""
    rich = np.count_nonzero(counts >= preferred)
    number = preferred if rich >= enough else fallback
    print(f"Training takes identities of at least {number} images ({rich} have {preferred})")
    return number


def shared_overrides(overrides: Sequence[str]) -> list[str]:
    """Return overrides that concern the first stage too: batch size, and the trainer's but for what is one run's own.

    That is its length, its loggers, and its callbacks, without which the first stage would leave no checkpoint.
    """
    shared, not_shared = ("--trainer.", BATCH_SIZE), (*LENGTH_KEYS, "--trainer.logger", "--trainer.callbacks")
    return [o for o in overrides if o.startswith(shared) and not o.startswith(not_shared)]


def train_first_once(planned: FaceCLI, options: Sequence[str], config: str = TRUNK) -> str | None:
    """Return the checkpoint that a planned training starts from, training it on clean faces if there is none.

    The first stage gets the plan's resolved data, trunk, head and pixel range, so that both train on the same people,
    however the user has said so; its batches are its own. It is used again only for the same settings and the same
    people, whichever system starts from it.

    Args:
        planned: What will start from it, built but not trained.
        options: The first stage's own options.
        config: The first stage: the clean trunk, or model A.

    Raises:
        UserError: If it leaves no checkpoint.
    """
    first = merged(config)
    batch_size = first["data"]["init_args"]["loading"]["batch_size"]
    # how faces are validated changes no weight of the last epoch, and would only tell equal first stages apart
    options = [*planned_options(planned, batch_size=batch_size, occlude_validation=True), *options]
    name = str(first["system"])
    contents = Contents()
    key = digest(json.dumps(first), *options, *people(planned), *contents.named_in(options))
    record = Path("runs") / config / f"{key}.json"
    try:
        kept = recorded(record, contents)
    except ValueError as error:
        print(f"{name}: not the one that was trained before: {error}")
        kept = None
    if kept is not None:
        print(f"{name}: {kept}, trained before with the same settings (delete {record} to train it again)")
        return kept
    print(f"{name}: training it on clean faces first")
    logger = [csv_logger(config)] if "WANDB_SWEEP_ID" in os.environ else []  # its W&B run is the second stage's
    trained = run(["fit", f"--config={config}", *options, *logger, "--evaluate=false"])
    saved = [str(getattr(callback, "best_model_path", "")) for callback in trained.trainer.checkpoint_callbacks]
    checkpoint = next((path for path in saved if Path(path).name == "last.ckpt"), None)
    if checkpoint is None and not getattr(trained.trainer, "fast_dev_run", False):
        raise UserError(f"{name}: expected it to leave last.ckpt, got {saved}: what starts from it cannot be trained")
    if checkpoint is not None:
        write_json(record, {"checkpoint": checkpoint, "content": Contents().of(checkpoint), "options": list(options)})
    return checkpoint


def recorded(record: Path, contents: Contents) -> str | None:
    """Return the checkpoint that a record names, ``None`` if there is no record, or the checkpoint is gone.

    Raises:
        ValueError: If the record cannot be read, or the checkpoint is no longer the one that was recorded.
    """
    if not record.exists():
        return None
    try:
        found = json.loads(record.read_text())
        checkpoint, expected = str(found["checkpoint"]), found["content"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{record}: expected a record of a training, got {said(error)}") from error
    if not Path(checkpoint).is_file():
        return None
    if contents.of(checkpoint) != expected:
        raise ValueError(
            f"{checkpoint}: expected the file that {record} was written for, got another, or a damaged one"
        )
    return checkpoint


def placed_by_map(planned: FaceCLI, shared: Sequence[str], config: str, weights: str | None) -> list[str]:
    """Return the options that name the maps of strategic placement, made of the initial weights where there are none.

    A map is kept by the weights, the people and the settings that it was made of.

    Args:
        planned: The fine-tuning, built but not run.
        shared: Options of the trainer.
        config: The fine-tuning's configuration.
        weights: Model A.

    Raises:
        UserError: If no map can be made of the weights.
    """
    missing = [placement for placement in strategic_placements(planned) if not placement.map_file.exists()]
    return [f"--{placement.key}={made_map(planned, shared, config, weights, placement.size)}" for placement in missing]


def made_map(planned: FaceCLI, shared: Sequence[str], config: str, weights: str | None, size: tuple[int, int]) -> Path:
    """Return an occlusion map of the initial weights, making it where there is none of them.

    Args:
        planned: The fine-tuning, built but not run.
        shared: Options of the trainer.
        config: The fine-tuning's configuration.
        weights: Model A.
        size: Height and width of the occluder.

    Raises:
        UserError: If no map can be made of the weights.
    """
    height, width = size
    stride, num_images = MAP_OF[CONFIGURATIONS[config][1]]
    mapping = {"occluder_sizes": [[height, width]], "subset": "placement", "stride": stride, "num_images": num_images}
    options = [
        *planned_options(planned),
        *shared,
        f"--model.init_args.initial_weights={weights}",
        f"--trainer.callbacks={_listed('callbacks.OcclusionMapping', **mapping)}",
    ]
    key = digest(json.dumps(merged(config)), *options, *people(planned), *Contents().named_in(options))
    path = Path(f"runs/{config}/maps/{key}/occlusion_maps/placement-{height}x{width}.npz")
    if is_map(path):
        print(f"Occlusion map: {path}, made before of the same weights")
    else:
        print("Occlusion map: making it of the initial weights")
        run(["validate", f"--config={config}", *options, csv_logger(f"{config}/maps", key)])
    return path


def is_map(path: Path) -> bool:
    """Whether a map is there; one that cannot be read is not, and is said to be so."""
    if not path.exists():
        return False
    try:
        OcclusionMap.load(path)
    except DataError as error:
        print(f"Occlusion map: not the one that is there: {error}")
        return False
    return True


class MapPlacement(NamedTuple):
    """A noise patch that a configuration places by an occlusion map."""

    key: str
    """Of its map, as an option."""
    size: tuple[int, int]
    map_file: Path
    temperature: float


def strategic_placements(planned: FaceCLI) -> list[MapPlacement]:
    """Return all noise patches that a configuration places by an occlusion map, however its mixtures are nested."""
    occluder = planned.config.fit.as_dict()["data"].get("init_args", {}).get("training_occluder")
    return list(_placements(occluder, "data.init_args.training_occluder"))


def _placements(occluder: Any, key: str) -> Iterator[MapPlacement]:
    settings = occluder.get("init_args") or {} if isinstance(occluder, dict) else {}
    inner = settings.get("occluders")
    for name, part in inner.items() if isinstance(inner, dict) else ():
        yield from _placements(part, f"{key}.init_args.occluders.{name}")
    placement = settings.get("placement")
    chosen = placement.get("init_args") or {} if isinstance(placement, dict) else {}
    if {"map_file", "temperature"} <= chosen.keys() and "size" in settings:
        height, width = settings["size"]
        map_key = f"{key}.init_args.placement.init_args.map_file"
        yield MapPlacement(map_key, (height, width), Path(chosen["map_file"]), chosen["temperature"])


def csv_logger(name: str, version: str | None = None) -> str:
    """Return the option of a run that logs to its folder alone."""
    where = {"save_dir": "runs", "name": name} | ({} if version is None else {"version": version})
    return f"--trainer.logger={_listed('pytorch_lightning.loggers.CSVLogger', **where)}"


def _listed(class_path: str, **init_args: Any) -> str:
    return f"[{_instance(class_path, **init_args)}]"


def planned_options(planned: FaceCLI, *, batch_size: int | None = None, **other: Any) -> list[str]:
    """Return data, seed, pixels and parts of the network of a built configuration as options.

    Args:
        planned: The configuration.
        batch_size: Images a process trains on at once, if it is to be another number.
        other: Keys of the data that are to have other values.
    """
    config = planned.config.fit.as_dict()
    data, model = config["data"], config["model"].get("init_args", {})
    data["init_args"] = data.get("init_args", {}) | {"training_occluder": None, "identity_batches": None, **other}
    if batch_size is not None:
        data["init_args"]["loading"] = {**data["init_args"]["loading"], "batch_size": batch_size}
    parts = {
        "data": data,
        "seed_everything": config["seed_everything"],
        "model.init_args.normalize": model.get("normalize"),
    }
    network = model.get("network", {}).get("init_args") or {}
    for part in ("trunk", "head", "in_channels"):
        if part in network:
            parts[f"model.init_args.network.init_args.{part}"] = network[part]
    return [f"--{key}={json.dumps(value, default=str)}" for key, value in parts.items() if value is not None]


def people(planned: FaceCLI) -> list[str]:
    """Return what tells one collection of faces from another: identities, their names and some pixels."""
    source, split = planned.datamodule.source, planned.datamodule.split
    some = split.train[:: max(1, len(split.train) // SAMPLES)]
    samples = [source.image(int(index)).tobytes() for index in some]
    return [repr(list(source.identity_names)), *(digest(part.tobytes()) for part in split), *map(digest, samples)]


def digest(*parts: str | bytes) -> str:
    """Return twelve hexadecimal digits that stand for the parts."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(part.encode() if isinstance(part, str) else part)
        hashed.update(b"\0")
    return hashed.hexdigest()[:12]


if __name__ == "__main__":
    main(launch)

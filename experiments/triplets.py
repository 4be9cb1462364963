"""Models A, B and C, with and without occluders: what triplets bring to the recognition of unseen people (Table 2).

    python -m experiments.triplets [--data FOLDER] [--scale demo|paper] [--alignment arcface|lfw]
                                   [--seeds 0 1 2] [--models A B C …] [--key=value …]

This is what ``make compare-triplets`` calls. B and C are model A fine-tuned by the configurations ``triplet`` and
``batch_triplet``; B_20×20 and C_20×20 go on from A_20×20, under the same occluders. A control, A′, goes on from A with
the classifier, on clean images, at A's rate, for as many epochs. All are evaluated on people that training never saw.
Further options override keys of all configurations. Finished models are kept under ``runs/occlusion_maps``, as those of
``make occlusion-maps`` are, and not trained again.
"""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from experiments.benchmarks.compare_systems import interval
from experiments.cli import FaceCLI, main, run
from experiments.launch import digest, fewer_identities, people
from experiments.model_a import (
    CONTROL,
    FOLDER,
    SIZES,
    Setting,
    callback,
    fine_tuned,
    finished,
    model_a,
    parse,
    planned,
    record_of,
    settings,
)
from experiments.results import write_json

KINDS = {"B": "triplet", "C": "batch_triplet"}

PUBLISHED: Mapping[str, tuple[float, float]] = {
    "A": (97.33, 0.71),
    "B": (97.73, 0.76),
    "C": (98.12, 0.65),
    "A_20×20": (97.4, 0.71),
    "B_20×20": (97.85, 0.69),
    "C_20×20": (98.35, 0.73),
    "A_20×40": (97.68, 0.83),
    "B_20×40": (97.79, 0.82),
    "C_20×40": (98.42, 0.68),
    "A_40×40": (97.18, 0.63),
    "B_40×40": (97.5, 0.57),
    "C_40×40": (98.16, 0.64),
}
"""LFW, 10 folds, %, mean and standard deviation over folds (occlusion-map paper, Table 2)."""

MODELS = (CONTROL, *PUBLISHED)
DEFAULT = ("A", CONTROL, "B", "C", "A_20×20", "B_20×20", "C_20×20")
MEASURES = ("accuracy/none", "rank1/none", "decidability/none", "accuracy/occluded", "decidability/occluded")
HEADINGS = ("accuracy, clean", "rank-1, clean", "d′, clean", "accuracy, occluded", "d′, occluded")
COMPARED = (
    (CONTROL, "A"),
    ("B", "A"),
    ("C", "A"),
    ("B", CONTROL),
    ("C", CONTROL),
    ("C", "B"),
    *(pair for s in SIZES for pair in ((f"B_{s.name}", f"A_{s.name}"), (f"C_{s.name}", f"A_{s.name}"))),
    *((f"C_{s.name}", f"B_{s.name}") for s in SIZES),
)

Results = Mapping[str, Mapping[int, Mapping[str, float]]]
"""Model → seed → measure, in % but for decidability."""


def compare(args: Sequence[str]) -> None:
    """Train what is missing, evaluate, print and write the table.

    Raises:
        UserError: If the data cannot be used, or an option is wrong.
    """
    options, overrides = parse(args, command="triplets", description=__doc__, models=MODELS, default=DEFAULT)
    results: dict[str, dict[int, dict[str, float]]] = {}
    for setting in settings(options, overrides):
        for name, found in measure_all(setting, options.models).items():
            results.setdefault(name, {})[setting.seed] = found
    write_json(FOLDER / "triplets.json", results)
    console = Console(width=150)
    console.print(table_2(results))
    if len(options.seeds) > 1:
        console.print(differences(results))
    print(f"Results: {FOLDER / 'triplets.json'}")


def measure_all(setting: Setting, models: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the measures of the models of one seed, training what has not been trained."""
    who = people(planned(setting))
    base = model_a(setting, who)
    return {name: _measured(name, base, setting, who) for name in models}


def _measured(name: str, base: Mapping[str, Any], setting: Setting, who: list[str]) -> dict[str, float]:
    letter, _, size = name.partition("_")
    start = fine_tuned(f"A_{size}", base, setting, who) if size else base
    if letter in KINDS:
        fit = [*setting.fit(KINDS[letter], _triplet_options(size, start, base, setting)), "--evaluate=true"]
        callbacks = [callback(f"callbacks.{kind}") for kind in ("TripletStatistics", "ScoreDistributions")]
    elif name == CONTROL:
        fit = [*setting.fit("model_a_normal", _control_options(base, setting)), "--evaluate=true"]
        callbacks = []
    else:
        fit = ["test", *setting.fit("model_a")[1:], f"--ckpt_path={start['checkpoint']}"]
        callbacks = []
    return _run_once(name, fit, [callback("callbacks.UnseenRecognition"), *callbacks], setting, who)


def _control_options(base: Mapping[str, Any], setting: Setting) -> list[str]:
    epochs = yaml.safe_load(setting.config("triplet").read_text())["trainer"]["max_epochs"] * setting.data.repeat
    optimizer = yaml.safe_load(setting.config("model_a").read_text())["model"]["init_args"]["optimizer"]
    return [
        f"--model.init_args.initial_weights={base['checkpoint']}",
        f"--model.init_args.optimizer.init_args.lr={optimizer['init_args']['lr']}",
        "--data.init_args.training_occluder=null",
        f"--trainer.max_epochs={epochs}",
    ]


def _triplet_options(size: str, start: Mapping[str, Any], base: Mapping[str, Any], setting: Setting) -> list[str]:
    options = [f"--model.init_args.initial_weights={start['checkpoint']}"]
    options += fewer_identities(setting.config("triplet"), setting.data.identities)
    if size:
        index = [s.name for s in SIZES].index(size)
        data = yaml.safe_load(setting.config("model_a_strategic").read_text())["data"]["init_args"]
        occluder = data["training_occluder"]
        patch = occluder["init_args"]["occluders"]["noise_patch"]["init_args"]
        patch["size"] = list(SIZES[index].at(setting.scale))
        placement = {"map_file": base["placement"][index], "temperature": SIZES[index].temperature}
        patch["placement"]["init_args"] = placement
        options += [f"--data.init_args.training_occluder={json.dumps(occluder)}"]
        options += ["--data.init_args.occlude_validation=false"]
    return options


def _run_once(
    name: str, args: list[str], callbacks: list[dict[str, Any]], setting: Setting, who: list[str]
) -> dict[str, float]:
    """Return the evaluation of a run, from the record of an earlier one if there is one."""
    last = callback("pytorch_lightning.callbacks.ModelCheckpoint", save_last=True, save_top_k=0)
    args = [*args, f"--trainer.callbacks={json.dumps([last, *callbacks])}", "--trainer.enable_progress_bar=false"]
    (config,) = (Path(a.removeprefix("--config=")) for a in args if a.startswith("--config="))
    record = record_of(f"{name}-evaluated", setting, digest(config.read_text(), *args, *who))
    kept = finished(name, record)
    if kept is None:
        print(f"Model {name}, seed {setting.seed}")
        cli = run(args)
        kept = {"checkpoint": _checkpoint(cli), "folder": cli.trainer.log_dir, "measures": _measures(cli)}
        write_json(record, kept)
    found: dict[str, float] = kept["measures"]
    return found


def _checkpoint(cli: FaceCLI) -> str:
    trained = getattr(cli.trainer.checkpoint_callback, "last_model_path", "")
    return str(trained or cli.trainer.ckpt_path)


def _measures(cli: FaceCLI) -> dict[str, float]:
    values = {name.removeprefix("test/"): float(value) for name, value in cli.trainer.callback_metrics.items()}
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    return {m: finite[m] * (1 if m.startswith("decidability") else 100) for m in MEASURES if m in finite}


def table_2(results: Results) -> Table:
    """Return each model's measures, mean ± standard deviation over seeds, with the paper's accuracy on LFW beside."""
    seeds = sorted({seed for by_seed in results.values() for seed in by_seed})
    table = Table(
        title=f"Unseen people, mean ± standard deviation over seeds {seeds}",
        caption="accuracy, rank-1: %. d′: decidability. paper: accuracy on LFW, deviation over folds.",
    )
    for heading in ("model", *HEADINGS, "paper"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for name, by_seed in results.items():
        cells = []
        for measure in MEASURES:
            values = [found[measure] for found in by_seed.values() if measure in found]
            cells.append(_cell(values, _digits(measure)))
        published = PUBLISHED.get(name)
        table.add_row(name, *cells, f"{published[0]:g} ± {published[1]:g}" if published else "")
    return table


def differences(results: Results) -> Table:
    """Return paired differences between models with their 95 % intervals over seeds."""
    table = Table(title="Paired differences, with 95 % interval over seeds")
    for heading in ("difference", *HEADINGS):
        table.add_column(heading, justify="left" if heading == "difference" else "right")
    for one, other in COMPARED:
        if one not in results or other not in results:
            continue
        cells = []
        for measure in MEASURES:
            both = [(found, results[other][seed]) for seed, found in results[one].items()]
            pairs = [a[measure] - b[measure] for a, b in both if measure in a and measure in b]
            mean, half = interval(pairs) if len(pairs) > 1 else (math.nan, math.nan)
            digits = _digits(measure)
            cells.append(f"{mean:+.{digits}f} ± {half:.{digits}f}" if math.isfinite(half) else "–")
        table.add_row(f"{one} − {other}", *cells)
    return table


def _digits(measure: str) -> int:
    return 2 if measure.startswith("decidability") else 1


def _cell(values: Sequence[float], digits: int) -> str:
    if not values:
        return "–"
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{spread}"


if __name__ == "__main__":
    main(compare)

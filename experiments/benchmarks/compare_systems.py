"""Compare the systems on generated faces: seeds × arms, as paired differences with 95 % intervals.

    python -m experiments.benchmarks.compare_systems --seeds 0 1 2 3 4 [--arms trunk baseline …] [--epochs 8]

Each seed has its own identities. All arms of a seed start from the same trunk, trained on clean faces, and train
for the same number of epochs with the same optimizer, schedule and rate; they differ in what the table says.
Finished (seed, arm) pairs are kept under ``runs/compare_systems`` and not run again.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from scipy.stats import t as student_t

from experiments.cli import main, run
from experiments.launch import CONFIGS, TRUNK, digest, train_first_once, trainer_overrides
from experiments.results import write_json

NETWORK = "--model.init_args.network.init_args"

ARMS: Mapping[str, tuple[str, list[str]]] = {
    "trunk": ("baseline", ["--data.init_args.training_occluder=null"]),
    "baseline": ("baseline", []),
    "soidn-top": ("soidn", [f"{NETWORK}.mask_positions=top", f"{NETWORK}.detach_segmenter=false"]),
    "soidn-levels": ("soidn", [f"{NETWORK}.mask_positions=[2,3,4]", f"{NETWORK}.detach_segmenter=true"]),
    "segmentation": ("segmentation", []),
}
"""Name → configuration and what is changed in it."""

MEASURES = ("rank1/none", "rank1/sunglasses", "rank1/scarf", "rank1/occluded", "accuracy/occluded", "iou/mean")


def compare(args: Sequence[str]) -> None:
    """Run what is missing and print the tables."""
    options, overrides = _parse(args)
    results = {arm: {seed: _result(arm, seed, options, overrides) for seed in options.seeds} for arm in options.arms}
    _print_means(results)
    _print_differences(results, reference="baseline")


def interval(differences: Sequence[float]) -> tuple[float, float]:
    """Return mean and half-width of the 95 % Student interval of paired differences.

    Example:
        >>> mean, half = interval([1.0, 2.0, 3.0])
        >>> round(mean, 3), round(half, 3)
        (2.0, 2.484)
    """
    count = len(differences)
    half = float(student_t.ppf(0.975, count - 1)) * statistics.stdev(differences) / math.sqrt(count)
    return statistics.fmean(differences), half


def _result(arm: str, seed: int, options: argparse.Namespace, overrides: Sequence[str]) -> dict[str, float]:
    config, changes = ARMS[arm]
    settings = [f"--trainer.max_epochs={options.epochs}", *overrides]
    text = (CONFIGS / f"{config}_demo.yaml").read_text()
    path = (
        Path("runs/compare_systems") / f"{arm}-seed{seed}-{digest(text, TRUNK.read_text(), *changes, *settings)}.json"
    )
    if not path.exists():
        own = [f"--seed_everything={seed}", f"--data.init_args.source.init_args.seed={seed}", *changes, *settings]
        quiet = [f"--trainer.{key}=false" for key in ("enable_progress_bar", "enable_checkpointing", "logger")]
        quiet.append("--trainer.default_root_dir=runs/compare_systems/lightning")
        quiet.append("--trainer.callbacks=" + json.dumps(CALLBACKS))
        fit = ["fit", f"--config={CONFIGS / config}_demo.yaml", *own]
        trunk = train_first_once(run(fit, dry=True), trainer_overrides(overrides))
        began = time.perf_counter()
        cli = run([*fit, *quiet, f"--model.init_args.initial_weights={trunk}"])
        metrics = {name: float(value) for name, value in cli.trainer.callback_metrics.items()}
        write_json(path, {**metrics, "seconds": time.perf_counter() - began})
    content: dict[str, float] = json.loads(path.read_text())
    return content


CALLBACKS = [{"class_path": "callbacks.SegmentationIoU"}, {"class_path": "callbacks.UnseenRecognition"}]


def _print_means(results: Mapping[str, Mapping[int, Mapping[str, float]]]) -> None:
    table = Table("arm", *MEASURES, "seconds", title="mean ± standard deviation over seeds, %")
    for arm, by_seed in results.items():
        cells = []
        for measure in MEASURES:
            values = [100 * r[f"test/{measure}"] for r in by_seed.values() if f"test/{measure}" in r]
            spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            cells.append(f"{statistics.fmean(values):.1f}{spread}" if values else "–")
        seconds = statistics.median(r["seconds"] for r in by_seed.values())
        table.add_row(arm, *cells, f"{seconds:.0f}")
    Console(width=160).print(table)


def _print_differences(results: Mapping[str, Mapping[int, Mapping[str, float]]], reference: str) -> None:
    if reference not in results or len(results[reference]) < 2:
        return
    table = Table("arm", *MEASURES[:-1], title=f"paired difference to {reference}, points, with 95 % interval")
    for arm, by_seed in results.items():
        if arm == reference or "test/rank1/none" not in next(iter(by_seed.values())):
            continue
        cells = []
        for measure in MEASURES[:-1]:
            pairs = [
                100 * (result[f"test/{measure}"] - results[reference][seed][f"test/{measure}"])
                for seed, result in by_seed.items()
            ]
            mean, half = interval(pairs)
            cells.append(f"{mean:+.1f} ± {half:.1f}")
        table.add_row(arm, *cells)
    Console(width=160).print(table)


def _parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--epochs", type=int, default=8)
    return parser.parse_known_args(args)


if __name__ == "__main__":
    main(compare)

"""Time and memory of an IJB protocol's verification: millions of template pairs scored and measured.

    python -m experiments.benchmarks.template_pair_speed [--pairs 8010270] [--templates 12115] [--images 227630]
        [--identities 1845] [--dim 512] [--threads 2]

The sizes are IJB-B's; the list of pairs, in a folder that is deleted afterwards, and embeddings are random. Timed are
reading the list, joining the images to templates, scoring the pairs, and all measures of them: EER, area, decidability,
TAR and thresholds with their intervals, and the error tradeoff. Seconds are the wall's and, in the second column, the
processors', which others on the machine delay less. The last line is the largest memory of this process, the images'
embeddings included.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from rich.table import Table

from callbacks.metrics import det_curve
from callbacks.recognition.template_means import template_means
from callbacks.recognition.verification import pair_measures, pair_scores
from datamodules.protocols.template_files import read_template_pairs
from datamodules.seams.evaluation_protocol import VerificationPairs
from datamodules.seams.templates import Templates
from experiments.benchmarks.benchmark import parse_options, peak_memory, print_table
from experiments.cli.user_errors import main as run_command


def main() -> None:
    """Parse the command line, measure and print."""
    sizes = {"pairs": 8_010_270, "templates": 12_115, "images": 227_630, "identities": 1_845, "dim": 512}
    options = parse_options(__doc__, **sizes, threads=2)
    torch.set_num_threads(options.threads)
    with TemporaryDirectory() as folder:
        path = Path(folder, "pairs.txt")
        templates = made_templates(options)
        write_pairs(path, templates, options.pairs)
        seconds, measures = timed(path, templates, options.dim)
    table = Table("", "seconds", "of processors", title=f"{options.pairs:,} pairs, {options.threads} thread(s)")
    for name, values in (*seconds.items(), ("all", [sum(kind) for kind in zip(*seconds.values(), strict=True)])):
        table.add_row(name, *(f"{value:.1f}" for value in values))
    print_table(table)
    print(f"threshold at FAR 0.0001: {measures['threshold@far=0.0001']:.4f}")
    print(f"{peak_memory():.2f} GiB at most")


def made_templates(options: Any) -> Templates:
    """Return templates of random images and media; each image is in one."""
    rng = np.random.default_rng(0)
    template = np.concatenate([np.arange(options.templates), rng.integers(options.templates, size=options.images)])
    template = np.sort(template[: max(options.images, options.templates)]).astype(np.int64)
    rows = len(template)
    identities = np.arange(options.templates, dtype=np.int64) % options.identities
    names = [str(number) for number in range(options.templates)]
    return Templates(np.arange(rows), template, rng.integers(4, size=rows), identities, names)


def write_pairs(path: Path, templates: Templates, number: int) -> None:
    """Write a list of random pairs, one in eight hundred of them genuine, as in IJB-B."""
    rng = np.random.default_rng(1)
    first, second = rng.integers(len(templates), size=(2, number))
    genuine = rng.random(number) < 1 / 800
    people = int(templates.identities.max()) + 1
    second[genuine] = (first[genuine] + people) % len(templates)
    same = templates.identities[first] == templates.identities[second]
    np.savetxt(path, np.stack([first, second, same], 1), fmt="%d")


def timed(path: Path, templates: Templates, dim: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return the seconds of every step, of the wall and of processors, and the measures."""
    embeddings = torch.randn(len(templates.image), dim, generator=torch.Generator().manual_seed(0))
    identities = torch.from_numpy(templates.identities)
    seconds: dict[str, list[float]] = {}

    def step(name: str, run: Callable[[], Any]) -> Any:
        began = time.perf_counter(), time.process_time()
        found = run()
        seconds[name] = [time.perf_counter() - began[0], time.process_time() - began[1]]
        return found

    listed = step("reading the list", lambda: read_template_pairs(path))
    pairs = VerificationPairs(listed.first, listed.second, listed.same, np.zeros(len(listed.same), np.int64))
    directions = step("joining the images", lambda: template_means(embeddings, templates))
    scores = step("scoring the pairs", lambda: pair_scores(pairs, directions))
    measures = step("measuring", lambda: pair_measures(pairs, scores, identities))
    same = torch.from_numpy(pairs.same)
    step("error tradeoff", lambda: det_curve(scores[same], scores[~same]))
    return seconds, measures


if __name__ == "__main__":
    run_command(lambda _: main())

"""From a declaration to command lines: each row with each seed is an ordinary run of ``experiments.train``."""

import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from experiments.launch import CONFIGS, DataChoice, digest, fewer_identities, longer, pixel_options
from experiments.reproduction.declaration import Declaration, Row
from experiments.reproduction.records import Run

LAST = "checkpoints/last.ckpt"


@dataclass(frozen=True)
class Setting:
    """What all runs of a reproduction have in common.

    Args:
        scale: ``demo`` or ``paper``.
        data: What is trained on.
        who: What tells one collection of people from another.
        weights: What runs that start from no other row start from.
        protocols: Options of ``experiments.evaluate`` for real sets; none for generated faces.
        overrides: Options for all runs.
        folder: Where the runs are kept.
    """

    scale: str
    data: DataChoice
    who: str
    weights: str | None
    protocols: Sequence[str]
    overrides: Sequence[str]
    folder: Path


class Job(NamedTuple):
    """A run to be done, and what it waits for."""

    run: Run
    train: list[str]
    """Arguments of ``python -m experiments.train``."""
    evaluate: list[str]
    """Arguments of ``python -m experiments.evaluate``; empty for none."""
    copies: dict[Path, Path]
    """What is copied before it begins: copy → original."""
    needs: list[Path]
    """Folders of the runs that it goes on from."""

    @property
    def folder(self) -> Path:
        """Where the run is kept."""
        return Path(self.run.folder)


def plan(declaration: Declaration, setting: Setting, seeds: Iterable[int]) -> list[Job]:
    """Return the jobs of all rows, seed by seed, each after what it goes on from.

    A run's folder is named by row and by a digest of all that its result depends on: what has been done is found again,
    and a changed setting makes a new run.
    """
    values = declaration.scales[setting.scale] | {"weights": setting.weights}
    declaration = replace(declaration, scales={setting.scale: values})
    jobs: list[Job] = []
    for seed in seeds:
        folders: dict[str, str] = {}
        for key in declaration.with_needs(declaration.rows, setting.scale):
            row, needs = declaration.resolved(key, setting.scale), declaration.needs(key, setting.scale)
            config = CONFIGS / f"{row.config}_{'demo' if setting.scale == 'demo' else 'casia'}.yaml"
            unnamed = _options(row, seed, setting, config, {**folders, "self": "self"})
            copies = {to: _filled(what, folders) for to, what in row.copies.items()}
            name = f"{key}-{digest(config.read_text(), *unnamed, repr(copies), setting.who)}"
            folder = setting.folder / f"seed{seed}" / name
            options = _options(row, seed, setting, config, {**folders, "self": str(folder)})
            folders[key] = str(folder)
            train = ["fit", f"--config={config}", *options, *_kept_in(folder, setting.folder.name)]
            command = shlex.join(["python", "-m", "experiments.train", *train])
            jobs.append(
                Job(
                    run=Run(row=key, seed=seed, folder=str(folder), command=command),
                    train=train,
                    evaluate=_evaluate(row, folder, setting),
                    copies={folder / to: Path(what) for to, what in copies.items()},
                    needs=[Path(folders[need]) for need in needs],
                )
            )
    return jobs


def python(module: str, args: Sequence[str]) -> list[str]:
    """Return the words that run one of the suite's commands."""
    return [sys.executable, "-m", module, *args]


def _options(row: Row, seed: int, setting: Setting, config: Path, folders: Mapping[str, str]) -> list[str]:
    own = [f"--seed_everything={seed}"]
    if not setting.data.options and setting.scale == "demo":  # generated people, others with every seed
        own.append(f"--data.init_args.source.init_args.seed={seed}")
    return [
        *longer(config, float(row.longer) * setting.data.repeat),
        *setting.data.options,
        *fewer_identities(config, setting.data.identities),
        *own,
        *(pixel_options(row.config, setting.weights) if setting.scale == "paper" else []),
        *(f"--{key}={_filled(value, folders)}" for key, value in row.options.items()),
        *setting.overrides,
    ]


def _filled(value: Any, folders: Mapping[str, str]) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return Template(text).substitute(folders)


def _kept_in(folder: Path, group: str) -> list[str]:
    """Return the options that put a run into its folder and keep its history."""
    csv = {"save_dir": str(folder.parent), "name": folder.name, "version": ""}
    wandb = {
        "save_dir": str(folder),
        "name": f"{folder.parent.name}-{folder.name}",
        "group": group,
        "id": digest(str(folder)),
        "project": "occlusion-robust-face-recognition",
    }
    loggers = [
        {"class_path": "pytorch_lightning.loggers.CSVLogger", "init_args": csv},
        {"class_path": "pytorch_lightning.loggers.WandbLogger", "init_args": wandb},
    ]
    return [
        f"--trainer.logger={json.dumps(loggers)}",
        "--trainer.callbacks+=callbacks.History",
    ]


def _evaluate(row: Row, folder: Path, setting: Setting) -> list[str]:
    protocols = setting.protocols or (["--protocol=generated"] if row.evaluated else [])
    if not protocols or row.config == "segmentation":
        return []
    return [f"--checkpoint={folder / LAST}", *protocols, f"--out={folder / 'evaluation'}"]


def identity_of(source: Any) -> str:
    """Return what tells one collection of faces from another: identities, their names and some pixels."""
    samples = [source.image(index).tobytes() for index in range(0, len(source), max(1, len(source) // 3))]
    return digest(repr(list(source.identity_names)), source.identities.tobytes(), *samples)

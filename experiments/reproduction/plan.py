"""From a declaration to command lines: each row with each seed is an ordinary run of ``experiments.train``."""

import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from experiments.contents import Contents
from experiments.launch import DataChoice, digest, fewer_identities, longer, pixel_options
from experiments.reproduction.declaration import Declaration, Row
from experiments.reproduction.protocols import GENERATED, Protocol
from experiments.reproduction.records import Evaluation, Run
from experiments.runs.layers import configuration, loggers, merged

LAST = "checkpoints/last.ckpt"


@dataclass(frozen=True)
class Setting:
    """What all runs of a reproduction have in common.

    Args:
        scale: ``demo`` or ``paper``.
        data: What is trained on.
        who: What tells one collection of people from another.
        weights: What runs that start from no other row start from.
        protocols: Of real sets; none for generated faces.
        overrides: Options for all runs.
        folder: Where the runs are kept.
    """

    scale: str
    data: DataChoice
    who: str
    weights: str | None
    protocols: Sequence[Protocol]
    overrides: Sequence[str]
    folder: Path


class Job(NamedTuple):
    """A run to be done, and what it waits for."""

    run: Run
    train: list[str]
    """Arguments of ``python -m experiments.train``."""
    evaluations: list[Evaluation]
    """What it is evaluated by when it is trained."""
    copies: dict[Path, Path]
    """What is copied before it begins: copy → original."""
    needs: list[Path]
    """Folders of the runs that it goes on from."""

    @property
    def folder(self) -> Path:
        """Where the run is kept."""
        return Path(self.run.folder)

    def recalled(self) -> Run:
        """Return what the records say of the training and of these evaluations, and of no others."""
        return self.evaluated(self.run.recalled())

    def evaluated(self, run: Run, unevaluated: Mapping[str, str] | None = None) -> Run:
        """Return a finished run with what its evaluations have found."""
        if run.status != "done":
            return run
        found = [(one, measures) for one in self.evaluations if (measures := one.recalled()) is not None]
        return replace(
            run,
            measures={**run.measures, **{name: v for _, measures in found for name, v in measures.items()}},
            evaluations={one.protocol: str(one.folder) for one, _ in found},
            unevaluated=unevaluated or {},
        )

    def is_finished(self) -> bool:
        """Whether training and evaluations are all there."""
        run = self.recalled()
        return run.status == "done" and len(run.evaluations) == len(self.evaluations)


def plan(declaration: Declaration, setting: Setting, seeds: Iterable[int]) -> list[Job]:
    """Return the jobs of all rows, seed by seed, each after what it goes on from.

    A run's folder is named by row and by a digest of all that its result depends on: what has been done is found again,
    and a changed setting makes a new run.
    """
    values = declaration.scales[setting.scale] | {"weights": setting.weights}
    declaration = replace(declaration, scales={setting.scale: values})
    jobs: list[Job] = []
    contents = Contents()
    for seed in seeds:
        folders: dict[str, str] = {}
        for key in declaration.with_needs(declaration.rows, setting.scale):
            row, needs = declaration.resolved(key, setting.scale), declaration.needs(key, setting.scale)
            config = configuration(row.config, setting.scale)
            unnamed = _options(row, seed, setting, config, {**folders, "self": "self"})
            copies = {to: _filled(what, folders) for to, what in row.copies.items()}
            files = contents.named_in(
                [*unnamed, *(f"--data.copies={what}" for what in copies.values())], made=setting.folder
            )
            name = f"{key}-{digest(json.dumps(merged(config)), *unnamed, repr(copies), setting.who, *files)}"
            folder = setting.folder / f"seed{seed}" / name
            options = _options(row, seed, setting, config, {**folders, "self": str(folder)})
            folders[key] = str(folder)
            train = ["fit", f"--config={config}", *options, *_kept_in(folder, setting.folder.name)]
            command = shlex.join(["python", "-m", "experiments.train", *train])
            jobs.append(
                Job(
                    run=Run(row=key, seed=seed, folder=str(folder), command=command),
                    train=train,
                    evaluations=_evaluations(row, folder, setting),
                    copies={folder / to: Path(what) for to, what in copies.items()},
                    needs=[Path(folders[need]) for need in needs],
                )
            )
    return jobs


def python(module: str, args: Sequence[str]) -> list[str]:
    """Return the words that run one of the suite's commands."""
    return [sys.executable, "-m", module, *args]


def _options(row: Row, seed: int, setting: Setting, config: str, folders: Mapping[str, str]) -> list[str]:
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
    }
    return [
        f"--trainer.logger={json.dumps(loggers(csv, wandb))}",
        "--trainer.callbacks+=callbacks.History",
    ]


def _evaluations(row: Row, folder: Path, setting: Setting) -> list[Evaluation]:
    protocols = setting.protocols or ([GENERATED] if row.evaluated else [])
    found = []
    for protocol in protocols if row.config != "segmentation" else ():
        out = folder / "evaluation" / protocol.folder
        found.append(
            Evaluation(protocol.name, out, [f"--checkpoint={folder / LAST}", *protocol.options, f"--out={out}"])
        )
    return found

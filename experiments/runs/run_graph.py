"""The graph of runs: each once, whoever asks for it, after what it depends on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from experiments.runs.digests import digits_of
from experiments.runs.layers import CONFIGURATIONS
from experiments.runs.resolution import Config, resolved, substituted
from experiments.runs.run_identity import RUNS, run_digest
from experiments.runs.run_record import Evaluation
from experiments.runs.spec import RunSpec, map_callback

LAST = "checkpoints/last.ckpt"
SELF = "self"
"""What stands for a run's own folder in its settings, ``${self}``: its digest is of all of them."""
MAPS = "occlusion_maps"
"""Where maps are: below ``runs``, all; below a run that has made some, those."""


@dataclass(frozen=True)
class Node:
    """A run.

    Args:
        name: In messages.
        spec: What is run.
        config: All that it says, resolved.
        folder: Where it is kept, by its digest.
        needs: Folders of the runs that it depends on.
        copies: What is copied into it before it begins: copy → original.
        evaluates: Whether it ends with measures on unseen identities.
        trial: Whether it only tries whether all goes well, and leaves nothing.
        evaluations: What it is evaluated by when it is trained.
    """

    name: str
    spec: RunSpec
    config: Config = field(repr=False, compare=False)
    folder: Path
    needs: tuple[Path, ...] = ()
    copies: Mapping[Path, Path] = field(default_factory=dict)
    evaluates: bool = True
    trial: bool = False
    evaluations: tuple[Evaluation, ...] = ()

    @property
    def checkpoint(self) -> Path:
        """The weights that a training leaves."""
        return self.folder / LAST

    @property
    def trains(self) -> bool:
        """Whether it leaves weights; maps are made of those of another run."""
        return self.spec.subcommand == "fit"

    def map_file(self, subset: str, size: tuple[int, int]) -> Path:
        """Return where this run leaves a map."""
        return self.folder / MAPS / f"{subset}-{size[0]}x{size[1]}.npz"


class RunGraph:
    """Runs by their folders; what is asked for twice is there once, as the files of configurations are now."""

    def __init__(self) -> None:
        digits_of.cache_clear()
        self.nodes: dict[Path, Node] = {}

    def training(
        self, name: str, spec: RunSpec, *, needs: Iterable[Node] = (), copies: Mapping[str, str] | None = None
    ) -> Node:
        """Add a training, in a folder of its configuration's system and its digest.

        Before it begins, ``copies`` are copied into its folder: name of the copy → original.

        Raises:
            UserError: If the configuration is wrong.
        """
        config, copied = resolved(spec), copies or {}
        parts = [f"{to} {what}" for to, what in copied.items()]
        system, _ = CONFIGURATIONS.get(spec.config, ("training", ""))
        folder = RUNS / system / run_digest(config, *parts)
        node = Node(
            name=name,
            spec=replace(spec, changes=substituted(spec.changes, {SELF: str(folder)})),
            config=config,
            folder=folder,
            needs=tuple(need.folder for need in needs),
            copies={folder / to: Path(what) for to, what in copied.items()},
            evaluates=bool(config["evaluate"]),
            trial=bool(config["trainer"].get("fast_dev_run")),
        )
        return self.add(node)

    def maps(self, name: str, spec: RunSpec, settings: Mapping[str, Any], of: Node | None = None) -> Node:
        """Add a run that makes occlusion maps.

        Args:
            name: Of what they are, in messages.
            spec: The training of a run, or of weights that it starts from.
            settings: Of ``callbacks.OcclusionMapping``, or ``class_path`` and ``init_args`` of another such callback.
            of: The run whose weights they are made of; else they are of the weights that ``spec`` starts from.
        """
        callbacks: dict[str, Any] = {"trainer.callbacks": [map_callback(settings)]}
        spec = replace(spec.with_inputs(**callbacks), subcommand="validate")
        made_of = () if of is None else (of.folder.as_posix(),)
        config = resolved(spec)
        folder = RUNS / MAPS / run_digest(config, "validate", *made_of)
        if of is not None:
            spec = spec.with_inputs(ckpt_path=str(of.checkpoint))
        needs = () if of is None else (*of.needs, of.folder)  # it is built as it was trained
        return self.add(Node(f"Occlusion maps of {name}", spec, config, folder, needs, evaluates=False))

    def add(self, node: Node) -> Node:
        """Add a node, or to the one that is the same run what this one asks for too."""
        before = self.nodes.get(node.folder)
        if before is not None:
            node = replace(
                before,
                needs=tuple(dict.fromkeys((*before.needs, *node.needs))),
                evaluates=before.evaluates or node.evaluates,
                evaluations=tuple(dict.fromkeys((*before.evaluations, *node.evaluations))),
            )
        self.nodes[node.folder] = node
        return node

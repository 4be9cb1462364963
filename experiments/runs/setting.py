"""What runs that are asked for together have in common, and how a system with all that it depends on comes of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.cli.user_errors import UserError
from experiments.runs.data_choice import DataChoice, fewer_identities, fitting_pixels, longer
from experiments.runs.layers import SYSTEMS, WEIGHTS, System, configuration, merged
from experiments.runs.map_placements import maps_to_make
from experiments.runs.resolution import Config, changed, resolved
from experiments.runs.run_graph import Node, RunGraph
from experiments.runs.spec import CONTINUE_CLASSIFIER, INITIAL_WEIGHTS, RunSpec

BATCH_SIZE = "data.init_args.loading.batch_size"
OF_ONE_RUN = ("max_epochs", "max_steps", "min_epochs", "max_time", "logger", "callbacks")
"""Settings of the trainer that the first stage has its own of: its length, its loggers, and its callbacks, without
which it would leave no checkpoint."""
ITS_OWN = ("training_occluder", "identity_batches", "occlude_validation", "seed")
"""Settings of the data that it has its own of, beside its batches; the last is linked."""
Shared = Callable[[Sequence[str]], tuple[str, ...]]
Start = Node | str | None
"""A run whose weights are started from, a file, or neither."""


def shared_overrides(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return overrides that concern the first stage too: batch size, and the trainer's but for one run's own."""
    not_shared = tuple(f"--trainer.{key}" for key in OF_ONE_RUN)
    return tuple(
        o for o in overrides if o.startswith(("--trainer.", f"--{BATCH_SIZE}")) and not o.startswith(not_shared)
    )


@dataclass(frozen=True)
class Setting:
    """What all runs have in common.

    Args:
        scale: ``demo`` or ``paper``.
        data: What is trained on.
        weights: The user's file.
        overrides: The user's options.
        shared: Which of them the stages have that a system starts from.
    """

    scale: str
    data: DataChoice = field(default_factory=DataChoice)
    weights: str | None = None
    overrides: tuple[str, ...] = ()
    shared: Shared = shared_overrides

    def spec(self, system: str, changes: Mapping[str, Any] | None = None, *, times: float = 1.0) -> RunSpec:
        """Return the training of a system, ``times`` its configuration's epochs, without what it starts from."""
        name = configuration(system, self.scale)
        config = merged(name)
        chosen = {
            **longer(config, times * self.data.repeat),
            **self.data.changes,
            **fewer_identities(config, self.data.identities),
            **(fitting_pixels(config, self.weights) if self.scale == "paper" else {}),
        }
        return RunSpec(name, {**chosen, **(changes or {})}, self.overrides)

    def start_of(self, system: str) -> str:
        """Return what a system starts from at this scale: another's name, ``${weights}``, or nothing."""
        return SYSTEMS[system].starts_from.get(self.scale, "")


def add_system(graph: RunGraph, setting: Setting, system: str) -> Node:
    """Add a system to the graph, as it is trained by itself: from the user's weights, or after its first stage.

    Raises:
        UserError: If a setting is wrong, or weights are missing.
    """
    spec = setting.spec(system)
    if setting.weights is not None:
        return add_training(graph, setting, system, spec, setting.weights)
    if setting.start_of(system) == WEIGHTS and SYSTEMS[system].weights:
        raise UserError(f"Expected WEIGHTS=file, {SYSTEMS[system].weights}, got none")
    return add_training(graph, setting, system, spec, first_stage(graph, setting, system, spec))


def first_stage(graph: RunGraph, setting: Setting, system: str, spec: RunSpec) -> Start:
    """Add what a system starts from, where no weights are given and it starts from another.

    It is trained on the faces of the system, however the user has said which, with its trunk, head, pixels and seed.
    """
    name = setting.start_of(system)
    if name in ("", WEIGHTS):
        return setting.weights if name else None
    config = resolved(spec)
    if config["model"].get("init_args", {}).get("initial_weights") is not None:
        return None
    first = inherited(setting, name, config)
    return graph.training(str(merged(first.config)["system"]), first)


def inherited(setting: Setting, name: str, config: Config) -> RunSpec:
    """Return the first stage of what is configured: a system on the same faces, of the same parts."""
    config_name = configuration(name, setting.scale)
    own = merged(config_name)
    data = {key: value for key, value in config["data"].get("init_args", {}).items() if key not in ITS_OWN}
    if "loading" in data:
        data["loading"] = {**data["loading"], "batch_size": own["data"]["init_args"]["loading"]["batch_size"]}
    model = config["model"].get("init_args", {})
    network = (model.get("network") or {}).get("init_args") or {}
    parts = {
        "seed_everything": config["seed_everything"],
        "data": {**config["data"], "init_args": data},
        "model.init_args.normalize": model.get("normalize"),
        **{f"model.init_args.network.init_args.{p}": network.get(p) for p in ("trunk", "head", "in_channels")},
    }
    content: Config = {}
    for key, value in parts.items():
        if value is not None:
            changed(content, key, value)
    # as a configuration: the parser would read a null deep in an option as a word
    given = f"--config={json.dumps(content, default=str)}"
    shared = setting.shared(setting.overrides)
    return RunSpec(config_name, longer(own, setting.data.repeat), (given, *shared))


def add_training(
    graph: RunGraph,
    setting: Setting,
    system: str,
    spec: RunSpec,
    start: Start,
    *,
    name: str = "",
    needs: Sequence[Node] = (),
    copies: Mapping[str, str] | None = None,
) -> Node:
    """Add a training, ``spec``, to the graph with what it starts from and the maps that place its occluders.

    Args and errors are those of :meth:`RunGraph.training`; its ``name`` is by default the system's in tables.
    """
    config = resolved(spec)
    if (given := config["model"].get("init_args", {}).get("initial_weights")) is not None:
        start = given
    elif start is not None and not (isinstance(start, Node) and start.trial):
        leaves = start.checkpoint if isinstance(start, Node) else start
        spec = spec.with_inputs(**{INITIAL_WEIGHTS: str(leaves)})
    after = [*needs, *([start] if isinstance(start, Node) else [])]
    for placement in maps_to_make(config, merged(spec.config)):
        made = _placing_maps(graph, setting, SYSTEMS[system], config, start, placement.size)
        spec = spec.with_inputs(**{placement.key: str(made.map_file("placement", placement.size))})
        after.append(made)
    return graph.training(name or str(config["system"]), spec, needs=after, copies=copies)


def _placing_maps(
    graph: RunGraph, setting: Setting, system: System, config: Config, start: Start, size: tuple[int, int]
) -> Node:
    """Add maps, of what a training starts from, that place its occluders."""
    settings = {"occluder_sizes": [list(size)], "subset": "placement", **system.maps[setting.scale]}
    if isinstance(start, Node):
        return graph.maps(start.name, start.spec, settings, of=start)
    weights = {INITIAL_WEIGHTS: start, CONTINUE_CLASSIFIER: True}
    spec = inherited(setting, system.map_of, config).with_inputs(**weights)
    return graph.maps(str(start), spec, settings)

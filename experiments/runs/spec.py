"""What a run is, as data: it becomes words where a process begins or the parser reads it, and nowhere before."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

INITIAL_WEIGHTS = "model.init_args.initial_weights"
CONTINUE_CLASSIFIER = "model.init_args.continue_classifier"
OCCLUDER = "data.init_args.training_occluder"


@dataclass(frozen=True)
class RunSpec:
    """A run of ``experiments.train``.

    Args:
        config: Name of a configuration, ``soidn_demo``; empty where the user's own words name all there is.
        changes: Keys of the configuration → what they are set to; a key that ends in ``+`` appends.
        overrides: The user's options, in the parser's own language; they change ``changes``.
        inputs: Keys → what other runs leave; last, as they stand where nobody has set anything.
        subcommand: What is done.
    """

    config: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    subcommand: Literal["fit", "validate"] = "fit"

    def words(self) -> list[str]:
        """Return the arguments of ``experiments.train``.

        Example:
            >>> RunSpec("trunk_demo", {"trainer.max_epochs": 3}, ("--evaluate=false",)).words()
            ['fit', '--config=trunk_demo', '--trainer.max_epochs=3', '--evaluate=false']
        """
        named = [f"--config={self.config}"] if self.config else []
        return [self.subcommand, *named, *words_of(self.changes), *self.overrides, *words_of(self.inputs)]

    def command(self) -> str:
        """Return the whole command, as one types it."""
        return shlex.join(["python", "-m", "experiments.train", *self.words()])

    def with_inputs(self, **inputs: Any) -> "RunSpec":
        """Return the run with what further runs leave; dots of keys are given in ``**{...}``."""
        return replace(self, inputs={**self.inputs, **inputs})


def words_of(changes: Mapping[str, Any]) -> list[str]:
    """Return changes of a configuration as options.

    Example:
        >>> words_of({"data.init_args.image_size": 64, "model.init_args.loss": {"class_path": "mine.Loss"}})
        ['--data.init_args.image_size=64', '--model.init_args.loss={"class_path": "mine.Loss"}']
    """
    return [
        f"--{key}={value if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in changes.items()
    ]


def instance(class_path: str, **init_args: Any) -> dict[str, Any]:
    """Return what a configuration says of an object."""
    return {"class_path": class_path, "init_args": init_args}


def map_callback(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the callback that makes maps: one with a class of its own, or ``callbacks.OcclusionMapping``'s settings.

    Example:
        >>> map_callback({"stride": 2}) == instance("callbacks.OcclusionMapping", stride=2)
        True
    """
    return dict(settings) if "class_path" in settings else instance("callbacks.OcclusionMapping", **settings)


def class_name(node: Any) -> str:
    """Return the last name of the class of an object, as a configuration names it: with settings or by itself.

    Example:
        >>> class_name({"class_path": "callbacks.History"}), class_name("callbacks.History"), class_name({})
        ('History', 'History', '')
    """
    path = node.get("class_path", "") if isinstance(node, Mapping) else node
    return str(path).rpartition(".")[2]

"""The whole configuration of a run, by the parser and without building anything; and how one is looked through."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from string import Template
from typing import Any

from experiments import cli
from experiments.runs.layers import merged
from experiments.runs.spec import RunSpec, class_name

Config = dict[str, Any]
SIBLINGS = ("data", "scale", "alignment", "weights")
"""Options of the commands that ask for runs, which a misspelt key may have meant."""


def resolved(spec: RunSpec) -> Config:
    """Return all that a run's configuration says, whoever has said it: files, changes, the user, defaults.

    What other runs leave is not there yet, and is written into what the parser says of all else.

    Raises:
        UserError: If a key does not exist, or a value has not its type.
    """
    if spec.config:  # layers in one piece are read in half the time
        spec = replace(spec, config=json.dumps(merged(spec.config)))
    config = deepcopy(_resolved(tuple(replace(spec, inputs={}, subcommand="fit").words())))
    for key, value in spec.inputs.items():
        changed(config, key, value)
    return config


@cache
def _resolved(words: tuple[str, ...]) -> Config:
    config = cli.parse(words, siblings=SIBLINGS)
    del config["config"]  # where it was read from
    return config


def values_below(node: Any, name: str) -> list[Any]:
    """Return the values of a key wherever it is in a configuration.

    Example:
        >>> values_below({"a": {"lr": 1, "b": [{"lr": 2}]}}, "lr")
        [1, 2]
    """
    if isinstance(node, list):
        return [value for child in node for value in values_below(child, name)]
    if not isinstance(node, dict):
        return []
    own = [node[name]] if name in node else []
    return own + [found for key, value in node.items() if key != name for found in values_below(value, name)]


def settings_of(config: Config, name: str, key: str = "") -> list[str]:
    """Return where a configuration has the settings of a class, by the class's last name.

    Example:
        >>> settings_of({"model": {"init_args": {"loss": {"class_path": "losses.TripletLoss"}}}}, "TripletLoss")
        ['model.init_args.loss.init_args']
    """
    children = [(f"{key}.{name}".removeprefix("."), child) for name, child in config.items() if isinstance(child, dict)]
    below = [found for path, child in children for found in settings_of(child, name, path)]
    return [f"{key}.init_args", *below] if class_name(config) == name else below


def changed(config: Config, key: str, value: Any) -> None:
    """Set one key of a configuration, in place; one that ends in ``+`` appends.

    Example:
        >>> config = {"model": "mine.Module"}
        >>> changed(config, "model.init_args.dropout", 0.5)
        >>> config
        {'model': {'class_path': 'mine.Module', 'init_args': {'dropout': 0.5}}}
    """
    *path, last = key.removesuffix("+").split(".")
    node = config
    for part in path:
        inner = node.get(part)
        node[part] = inner if isinstance(inner, dict) else {"class_path": inner} if isinstance(inner, str) else {}
        node = node[part]
    if key.endswith("+"):
        node[last] = [*(node.get(last) or []), *(value if isinstance(value, list) else [value])]
    else:
        node[last] = value


def references(node: Any) -> list[str]:
    """Return the names in ``${…}`` of all strings, each once."""
    if isinstance(node, str):
        return Template(node).get_identifiers()
    children = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    return list(dict.fromkeys(name for child in children for name in references(child)))


def substituted(node: Any, values: Mapping[str, Any]) -> Any:
    """Put values in the place of ``${…}``: a string that is nothing else becomes the value itself."""
    if isinstance(node, str):
        name = node[2:-1]
        if node == f"${{{name}}}" and name in values:
            return substituted(values[name], {key: value for key, value in values.items() if key != name})
        return Template(node).safe_substitute({key: str(value) for key, value in values.items()})
    if isinstance(node, Mapping):
        return {key: substituted(child, values) for key, child in node.items()}
    return [substituted(child, values) for child in node] if isinstance(node, list) else node

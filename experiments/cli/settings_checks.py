"""Values of a configuration that look like ones and train nothing, or nothing that could be repeated."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from experiments.cli.messages import did_you_mean
from experiments.cli.user_errors import UserError
from experiments.measures import logged_names, monitored

DEVICES = re.compile(r"\s*(auto|-1|[1-9]\d*|\d+,|\d+(, *\d+)+)\s*")
"""How many there are to be, or which: 2, or 0,1."""
SEEDS = range(2**32)
PARTS = ("model.", "data.")


class Rule(NamedTuple):
    """What a value must be."""

    holds: Callable[[Any], bool]
    expected: str


def at_least(least: int) -> Rule:
    """Return the rule of a number, if one is given."""
    return Rule(lambda value: not isinstance(value, int | float) or value >= least, f"of at least {least}")


RULES = {
    "seed_everything": Rule(
        lambda value: type(value) is int and value in SEEDS, f"as a whole number from 0 to {SEEDS[-1]}"
    ),
    "trainer.accumulate_grad_batches": at_least(1),
    "trainer.check_val_every_n_epoch": at_least(1),
    "trainer.gradient_clip_val": at_least(0),
    "trainer.log_every_n_steps": at_least(0),
    "trainer.num_sanity_val_steps": at_least(-1),
    "trainer.val_check_interval": Rule(lambda value: value != 0, "above 0"),
    "trainer.devices": Rule(
        lambda value: not isinstance(value, int | str) or DEVICES.fullmatch(str(value)) is not None,
        "as their number, their indices or auto",
    ),
}
"""Of values that the trainer takes, and fails or does something else at."""
TRAINS = Rule(lambda value: value != 0, "other than 0, which trains nothing")
RULES_OF_A_FIT = {
    "trainer.max_epochs": TRAINS,
    "trainer.max_steps": TRAINS,
    "trainer.limit_train_batches": TRAINS,
    "trainer.max_time": Rule(lambda value: not _is_no_time(value), "above 0, which trains nothing"),
}


def check_settings(config: Mapping[str, Any], subcommand: str) -> None:
    """Refuse a configuration that the parser takes and that cannot be meant."""
    for key, value in leaves(config):
        # for the trainer, infinity stands for no limit
        if isinstance(value, float) and (math.isnan(value) or (math.isinf(value) and key.startswith(PARTS))):
            raise UserError(f"Expected a number as `{key}`, got {value}")
    for key, rule in (RULES | (RULES_OF_A_FIT if subcommand == "fit" else {})).items():
        if not rule.holds(value := _at(config, key)):
            raise UserError(f"Expected `{key}` {rule.expected}, got {value}")
    if not str(config.get("system", "model")).strip():
        raise UserError("Expected a name as `system`, got an empty one")
    for unit in ("epochs", "steps") if subcommand == "fit" else ():
        least, most = _at(config, f"trainer.min_{unit}"), _at(config, f"trainer.max_{unit}")
        if least is not None and most is not None and 0 < most < least:
            raise UserError(f"Expected `trainer.min_{unit}` of at most `trainer.max_{unit}`, {most}, got {least}")
    if subcommand == "fit":
        check_monitors(config)


def _is_no_time(limit: Any) -> bool:
    if isinstance(limit, Mapping):
        limit = timedelta(**limit)
    if isinstance(limit, timedelta):
        return limit <= timedelta()
    return isinstance(limit, str) and re.fullmatch(r"\s*0+(:00){3}\s*", limit) is not None


def check_monitors(config: Mapping[str, Any]) -> None:
    """Refuse a training that would end after its first epoch, as a callback watches what is never logged."""
    watched = list(monitored(config))
    names = logged_names(config) if watched else None
    for watcher, name in watched:
        if names is not None and not names.have(name):
            expected = f"{watcher}: expected `monitor` to be a measure that the training logs"
            raise UserError(f"{expected}, got {name!r}{did_you_mean(name, names.known)}")


def leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a configuration with their keys.

    Example:
        >>> list(leaves({"trainer": {"devices": [0, 1]}, "system": "SOIDN"}))
        [('trainer.devices.0', 0), ('trainer.devices.1', 1), ('system', 'SOIDN')]
    """
    if isinstance(node, list | tuple):
        node = dict(enumerate(node))
    if not isinstance(node, Mapping):
        yield key, node
        return
    for name, value in node.items():
        yield from leaves(value, f"{key}.{name}".removeprefix("."))


def _at(config: Mapping[str, Any], key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node

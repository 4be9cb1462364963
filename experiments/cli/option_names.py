"""Names of options, checked before the libraries that take them are loaded: a misspelt one is refused within seconds.

What only the libraries know, such as what their own classes take, is left to the parser.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import yaml

from experiments.cli.messages import nearest_setting, with_nearest_keys
from experiments.cli.signatures import TRAINER, fields, parameters
from experiments.cli.user_errors import UserError
from experiments.runs.layers import overlaid

OWN = ("config", "ckpt_path", "data", "evaluate", "model", "seed_everything", "system", "trainer", "weights_only")
"""What all subcommands take."""
SUBCOMMANDS: Mapping[str, Sequence[str]] = {
    "fit": OWN,
    "validate": (*OWN, "verbose"),
    "test": (*OWN, "verbose"),
    "predict": (*OWN, "return_predictions"),
}
SHOWING = ("help", "print_config")
"""Options that end in a listing."""
CHOSEN = ("class_path", "init_args", "dict_kwargs", "help")
"""What a class that a configuration chooses has beside its settings."""


def check_option_names(words: Sequence[str], siblings: Iterable[str] = ()) -> None:
    """Refuse options that do not exist, in the parser's words.

    Args:
        words: A command line of ``experiments.train``, options as one word each, configurations as their files.
        siblings: Options of the calling command, which a misspelt key may have meant.

    Raises:
        UserError: If there is one, with the nearest that exists; or the subcommand is none.
    """
    if not words or words[0].startswith("-"):
        return
    if words[0] not in SUBCOMMANDS:
        choices = ", ".join(map(repr, SUBCOMMANDS))
        raise UserError(f"argument subcommand: invalid choice: {words[0]!r} (choose from {choices})")
    keys = {word: word.partition("=")[0].removeprefix("--").removesuffix("+") for word in words if word[:2] == "--"}
    _check_outermost(words[0], keys, siblings)
    config = _configuration(words)
    for word, key in keys.items():
        part, *inside = key.split(".")
        is_chosen = part in ("model", "data") and not _chosen_anew(key, keys.values())
        if is_chosen and (message := misspelt(inside, config.get(part), "".join(word.partition("=")[1:]))):
            raise UserError(f'Parser key "{part}": {message}')


def _check_outermost(subcommand: str, keys: Mapping[str, str], siblings: Iterable[str]) -> None:
    """Refuse keys that neither the subcommand has nor, of the trainer, its constructor."""
    trainer = parameters(TRAINER) or {}
    known = {*SUBCOMMANDS[subcommand], *SHOWING}
    if unknown := [word for word, key in keys.items() if not _is_known(key, known, trainer)]:
        own = {key for keys in SUBCOMMANDS.values() for key in keys}
        nearby = sorted({*siblings, *own, *(f"trainer.{key}" for key in trainer)})
        raise UserError(with_nearest_keys(f"unrecognized arguments: {' '.join(unknown)}", nearby))


def _is_known(key: str, known: Iterable[str], trainer: Iterable[str]) -> bool:
    part, *inside = key.split(".")
    return part in known and (part != "trainer" or not inside or not trainer or inside[0] in trainer)


def _configuration(words: Sequence[str]) -> Mapping[str, Any]:
    values = [word.partition("=")[2] for word in words if word.startswith("--config=")]
    contents = [value if value.startswith("{") else Path(value).read_text("utf-8") for value in values]
    return reduce(overlaid, map(yaml.safe_load, contents), {})


def _chosen_anew(key: str, others: Iterable[str]) -> bool:
    """Whether another option chooses a class on the way to this one's, whose settings are not the configuration's."""
    return any(key != other and key.startswith(f"{other.removesuffix('.class_path')}.") for other in others)


def misspelt(inside: Sequence[str], chosen: Any, value: str = "") -> str | None:
    """Return what is wrong with a key within a class that a configuration chooses.

    Args:
        inside: Parts of the key, from this class on.
        chosen: What the configuration says of the class.
        value: Of the option, with the equals sign.

    Example:
        >>> misspelt(["init_args", "betta"], {"class_path": "losses.BatchTripletLoss"})
        "Problem with given class_path 'losses.BatchTripletLoss': Option 'betta' is not accepted; did you mean 'beta'?"
        >>> misspelt(["init_args", "beta"], {"class_path": "losses.BatchTripletLoss"})
    """
    path = chosen.get("class_path") if isinstance(chosen, Mapping) else chosen
    if not isinstance(path, str):
        return None
    takes = parameters(path)
    name, *deeper = inside[1:] if inside[:1] == ["init_args"] else inside or [""]
    if takes is None or not name or name in CHOSEN:
        return None
    problem = f"Problem with given class_path {path!r}: "
    if message := _misspelt_here(".".join([name, *deeper]), path, takes, value):
        return f"{problem}{message}"
    settings = chosen.get("init_args") if isinstance(chosen, Mapping) else None
    below = misspelt(deeper, (settings or {}).get(name), value) if deeper else None
    return f'{problem}Parser key "{name}": {below}' if below else None


def _misspelt_here(key: str, path: str, takes: Iterable[str], value: str) -> str | None:
    """Return what is wrong with a key of a class itself, or of its settings that are grouped."""
    name, _, inner = key.partition(".")
    if name not in takes:
        return f"Option {key!r} is not accepted{nearest_setting(key, path, takes)}"
    grouped = fields(path, name)
    if grouped and inner and not any(field.startswith(inner.partition(".")[0]) for field in grouped):  # abbreviated
        return f"unrecognized arguments: --{key}{value}{nearest_setting(key, path, takes)}"
    return None

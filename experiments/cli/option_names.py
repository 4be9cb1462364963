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
    """Refuse options that do not exist, in the parser's words, with the nearest that does.

    Args:
        words: A command line of ``experiments.train``, options as one word each, configurations as their files.
        siblings: Options of the calling command, which a misspelt key may have meant.
    """
    if not words or words[0].startswith("-"):
        return
    if words[0] not in SUBCOMMANDS:
        choices = ", ".join(map(repr, SUBCOMMANDS))
        raise UserError(f"argument subcommand: invalid choice: {words[0]!r} (choose from {choices})")
    keys = {word: word.partition("=")[0].removeprefix("--").removesuffix("+") for word in words if word[:2] == "--"}
    _check_outermost(words[0], keys, siblings)
    values = [word.partition("=")[2] for word in words if word.startswith("--config=")]
    contents = [value if value.startswith("{") else Path(value).read_text("utf-8") for value in values]
    config: Mapping[str, Any] = reduce(overlaid, map(yaml.safe_load, contents), {})
    for word, key in keys.items():
        part, *inside = key.split(".")
        # where another option chooses a class on the way to this one's, its settings are not the configuration's
        chosen = tuple(f"{other.removesuffix('.class_path')}." for other in keys.values() if other != key)
        is_known = part not in ("model", "data") or key.startswith(chosen)
        if not is_known and (message := misspelt(inside, config.get(part), "".join(word.partition("=")[1:]))):
            raise UserError(f'Parser key "{part}": {message}')


def _check_outermost(subcommand: str, keys: Mapping[str, str], siblings: Iterable[str]) -> None:
    """Refuse keys that neither the subcommand has nor, of the trainer, its constructor."""
    trainer = [f"trainer.{key}" for key in parameters(TRAINER) or ()]
    known = {*SUBCOMMANDS[subcommand], *SHOWING, *trainer}
    depths = {word: 2 if trainer and key.startswith("trainer.") else 1 for word, key in keys.items()}
    unknown = [word for word, key in keys.items() if ".".join(key.split(".")[: depths[word]]) not in known]
    if unknown:
        own = {key for keys in SUBCOMMANDS.values() for key in keys}
        nearby = sorted({*siblings, *own, *trainer})
        raise UserError(with_nearest_keys(f"unrecognized arguments: {' '.join(unknown)}", nearby))


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
    key, inner = ".".join([name, *deeper]), "".join(deeper[:1])
    grouped, below = fields(path, name), None
    if name not in takes:
        below = f"Option {key!r} is not accepted{nearest_setting(key, path, takes)}"
    elif grouped and inner and not any(field.startswith(inner) for field in grouped):  # which may be abbreviated
        below = f"unrecognized arguments: --{key}{value}{nearest_setting(key, path, takes)}"
    elif deeper:
        settings = (chosen.get("init_args") if isinstance(chosen, Mapping) else None) or {}
        deep = misspelt(deeper, settings.get(name), value)
        below = deep and f'Parser key "{name}": {deep}'
    return below and f"Problem with given class_path {path!r}: {below}"

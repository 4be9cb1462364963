"""A command line of ``experiments.train``: its words, made ready for the parser, and what can be done with it.

What its words alone tell is refused first, before the libraries are loaded that take seconds.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from datamodules.yaml_file import read_yaml
from experiments import cli as room
from experiments.cli.garbage import uncollected
from experiments.cli.messages import did_you_mean
from experiments.cli.option_names import check_option_names
from experiments.cli.user_errors import UserError, as_user_errors
from experiments.runs.layers import CONFIGURATIONS, expanded

LINKED = {
    "data.init_args.seed": "seed_everything",
    "model.init_args.network.init_args.image_size": "data.init_args.image_size",
}
"""Keys whose value is another's: what is given for them alone would not be used."""
FILE = re.compile(r"(?:--config|-c)=([^{\[].*)")
"""An option that names a file, rather than holding a configuration."""
OPTION = re.compile(r"--?[A-Za-z_]")
DEEP_NULL = re.compile(r"--([\w.]+\.init_args\.[\w.]+\.init_args\.[\w.]+)=(?:null|Null|NULL|~|None)")
"""A null for an option of a class that is chosen within a chosen class."""


def run(
    args: Sequence[str], *, cli: "Callable[..., room.FaceCLI] | None" = None, siblings: Sequence[str] = ()
) -> "room.FaceCLI":
    """Run one command line in this process.

    Args:
        args: As in ``python -m experiments.train``: a subcommand and its options.
        cli: What does that, in place of the usual; made of the prepared words and the siblings.
        siblings: Options of the calling command, which a misspelt key may have meant.

    Raises:
        UserError: If what was asked for cannot be done; the message is one line.
    """
    with uncollected():
        words = _checked(args, siblings)
        return room.called(cli or room.FaceCLI, words, siblings)


def build(args: Sequence[str], *, siblings: Sequence[str] = ()) -> "room.FaceCLI":
    """Build all that a command line asks for, and run nothing; arguments and errors are those of :func:`run`."""
    with uncollected():
        words = _checked(args, siblings)
        return room.called(room.BuildingCLI, words, siblings)


def parse(args: Sequence[str], *, siblings: Sequence[str] = ()) -> dict[str, Any]:
    """Return all that a command line's configuration says, defaults included, whether or not its files are there.

    Arguments and errors are those of :func:`run`.
    """
    with uncollected():
        words = _checked(args, siblings)
        config = room.called(room.parsed, words, siblings).config
    resolved: dict[str, Any] = config[config["subcommand"]].as_dict()
    return resolved


def _checked(args: Sequence[str], siblings: Sequence[str]) -> list[str]:
    words = prepared(args)
    check_option_names(words, siblings)
    return words


def prepared(args: Sequence[str]) -> list[str]:
    """Return a command line as the parser is to read it.

    Raises:
        UserError: If an option would have no effect, or a file is missing, a folder, no UTF-8, no YAML, empty, no
            mapping, or has a key twice, of which YAML would take the last.
    """
    words = expanded(join_values(args))
    for found in filter(None, map(FILE.fullmatch, words)):
        check_config_file(Path(found[1]))
    for word in words:
        key = word.partition("=")[0].removeprefix("--")
        if key in LINKED:
            raise UserError(f"Expected --{LINKED[key]}, from which `{key}` is taken, got {word}")
    return [null_as_configuration(word) for word in words]


def join_values(words: Sequence[str]) -> list[str]:
    """Return each option as one word.

    Example:
        >>> join_values(["fit", "--trainer.max_epochs", "3", "--seed_everything=1"])
        ['fit', '--trainer.max_epochs=3', '--seed_everything=1']
    """
    joined: list[str] = []
    for word in words:
        if joined and OPTION.match(joined[-1]) and "=" not in joined[-1] and not OPTION.match(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def check_config_file(path: Path) -> None:
    """Refuse a file that is no configuration; what keys it may have is the parser's business."""
    if not path.exists():
        near = did_you_mean(str(path), CONFIGURATIONS)
        raise UserError(f"Expected --config as a file or the name of a configuration, got '{path}'{near}")
    with as_user_errors():
        content = read_yaml(path)
    if not isinstance(content, dict):
        kind = "an empty file" if content is None else "a list" if isinstance(content, list) else "a text"
        raise UserError(f"{path}: expected a configuration of keys and values, got {kind}")


def null_as_configuration(word: str) -> str:
    """Return an option, where it is a null deep in chosen classes as a configuration.

    The parser hands an option on to a class within a class as text, where null would become the word None: the name of
    a folder, say.

    Example:
        >>> null_as_configuration("--data.init_args.source.init_args.cache_dir=null")
        '--config={"data": {"init_args": {"source": {"init_args": {"cache_dir": null}}}}}'
    """
    found = DEEP_NULL.fullmatch(word)
    if found is None:
        return word
    content: Any = reduce(lambda inner, part: {part: inner}, reversed(found[1].split(".")), None)
    return f"--config={json.dumps(content)}"

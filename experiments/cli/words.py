"""What is done to the words of a command line before the parser reads them."""

import json
import re
from collections.abc import Sequence
from functools import reduce
from typing import Any

from experiments.cli.config_file import check_config_files
from experiments.cli.user_errors import UserError
from experiments.runs.layers import expanded

LINKED = {
    "data.init_args.seed": "seed_everything",
    "model.init_args.network.init_args.image_size": "data.init_args.image_size",
}
"""Keys whose value is another's: what is given for them alone would not be used."""
OPTION = re.compile(r"--?[A-Za-z_]")
DEEP_NULL = re.compile(r"--([\w.]+\.init_args\.[\w.]+\.init_args\.[\w.]+)=(?:null|Null|NULL|~|None)")
"""A null for an option of a class that is chosen within a chosen class."""


def prepared(args: Sequence[str]) -> list[str]:
    """Return a command line as the parser is to read it.

    Raises:
        UserError: If a file is no configuration, or an option would have no effect.
    """
    words = expanded(join_values(args))
    check_config_files(words)
    check_links(words)
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


def check_links(words: Sequence[str]) -> None:
    """Refuse options that would have no effect, as their value is another's.

    Raises:
        UserError: If there is one.
    """
    for word in words:
        key = word.partition("=")[0].removeprefix("--")
        if key in LINKED:
            raise UserError(f"Expected --{LINKED[key]}, from which `{key}` is taken, got {word}")


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

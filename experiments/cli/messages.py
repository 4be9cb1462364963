"""What is said of a command line that cannot be parsed, in words of what the user wrote."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pydoc import locate

from jsonargparse import ArgumentParser

from experiments.cli.signatures import fields

PARSER_CHATTER = re.compile(
    r"(- )?(Does not validate|Subtypes:|Errors:|Expected a <class 'NoneType'>|Given value"
    r"|Not a valid subclass|Subclass types expect|a class path \(str\)|a dict with)"
)
"""Lines of the parser's messages that say nothing of what the user wrote."""

UNKNOWN_KEY = re.compile(
    r"unrecognized arguments: --(?P<argument>[\w.]+)\S*"
    r"|does not accept option '(?P<option>[^']+)'"
    r"|Option '(?P<parameter>[^']+)' is not accepted"
)
"""How the parser says that a key does not exist: as an option, in a file, in a chosen class."""
CHOSEN_CLASS = re.compile(r"class_path[ =]'([\w.]+)'")


def brief(message: str) -> str:
    r"""Return the lines of a parser's message that name the key and the reason.

    Example:
        >>> brief("Parser key 'a':\n  Errors:\n    - Expected an int\n  Given value: …")
        "Parser key 'a': Expected an int"
    """
    lines = [line.strip() for line in message.splitlines()]
    return " ".join(line.removeprefix("- ") for line in lines if not PARSER_CHATTER.match(line))


def with_nearest_keys(message: str, known: Sequence[str]) -> str:
    """Return a parser's message with the nearest existing key beside each that does not exist.

    Args:
        message: The parser's, whole.
        known: Keys outside chosen classes; those of a chosen class are its constructor's.

    Example:
        >>> with_nearest_keys("unrecognized arguments: --trainer.max_epoch=3", ["trainer.max_epochs"])
        "unrecognized arguments: --trainer.max_epoch=3; did you mean 'trainer.max_epochs'?"
    """
    return UNKNOWN_KEY.sub(lambda found: found.group() + _nearest_key(message, found, known), message)


def _nearest_key(message: str, found: re.Match[str], known: Sequence[str]) -> str:
    key = found["argument"] or found["option"] or found["parameter"]
    classes = CHOSEN_CLASS.findall(message, 0, found.start())
    if message.endswith("callable class: ", 0, found.start()):  # it is named after
        classes = CHOSEN_CLASS.findall(message, found.end())[:1]
    if classes:
        return nearest_setting(key, classes[-1], parameters(classes[-1]))
    if whole := [name for name in known if name.endswith(f".{key}")]:  # `--max_epochs`
        return did_you_mean(whole[0], whole)
    inside, wrong = "", key
    while True:
        level = {name.removeprefix(inside).partition(".")[0] for name in known if name.startswith(inside)}
        part, _, rest = wrong.partition(".")
        if part not in level or not rest:
            return did_you_mean(part, level, inside)
        inside, wrong = f"{inside}{part}.", rest


def nearest_setting(key: str, class_path: str, known: Iterable[str]) -> str:
    """Return the nearest setting of a class, or of a group of its settings, as :func:`did_you_mean` does.

    Example:
        >>> nearest_setting("split.num_unsen", "datamodules.FaceDataModule", ["split"])
        "; did you mean 'split.num_unseen'?"
        >>> nearest_setting("num_unseen", "datamodules.FaceDataModule", ["split", "seed"])
        "; did you mean 'split.num_unseen'?"
    """
    name, _, inside = key.partition(".")  # `probabilities.none` is an entry of a setting
    groups = {setting: fields(class_path, setting) for setting in known}
    grouped = [f"{setting}.{field}" for setting, group in groups.items() for field in group]
    near = did_you_mean(inside, groups.get(name, []), f"{name}.") if inside else ""
    return near or did_you_mean(name, [*groups, *grouped, "class_path", "init_args"])


def parameters(class_path: str) -> list[str]:
    """Return the parameters of a class, its parents' included, as a configuration names them.

    Example:
        >>> parameters("losses.BatchTripletLoss")
        ['margin', 'beta']
    """
    found = locate(class_path)
    return ArgumentParser().add_class_arguments(found, fail_untyped=False) if isinstance(found, type) else []


def did_you_mean(wrong: str, known: Iterable[str], inside: str = "") -> str:
    """Return the nearest of the known names as a question, or nothing where none is near.

    Example:
        >>> did_you_mean("max_epoch", ["max_epochs", "max_time"])
        "; did you mean 'max_epochs'?"
        >>> did_you_mean("colour", ["max_epochs", "max_time"])
        ''
    """
    near = get_close_matches(wrong, known, n=1)
    return f"; did you mean {inside + near[0]!r}?" if near else ""

"""Objects that YAML describes by ``class_path`` and ``init_args``."""

from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import ArgumentError, ArgumentParser, Namespace, set_parsing_settings

from datamodules.errors import DataError
from datamodules.yaml_file import read_yaml
from experiments import cli
from experiments.cli.messages import brief
from experiments.cli.user_errors import UserError

Described = TypeVar("Described")


def described(path: str, kind: type[Described]) -> Described:
    """Build what a YAML file describes.

    Raises:
        UserError: If the file or the class is none, or refuses a setting.
    """
    if is_dataclass(kind):  # a configuration names it by a function that returns one
        set_parsing_settings(subclasses_enabled=[kind])
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--described", type=kind)
    try:
        content = read_yaml(path)
    except DataError as error:
        raise UserError(str(error)) from error
    built: Described = instantiated(parser, {"described": content}, path).described
    if not isinstance(built, kind):
        raise UserError(f"{path}: expected the class_path of {kind.__name__}, got {type(built).__name__}")
    return built


def instantiated(parser: ArgumentParser, content: dict[str, Any], path: Path | str) -> Namespace:
    """Return what a parser builds of the content of a file.

    Args:
        parser: Does not exit on errors.
        content: By the parser's keys.
        path: The file, for messages.

    Raises:
        UserError: If a key or class does not exist, or a class refuses a value.
    """
    try:
        built: Namespace = parser.instantiate(parser.parse_object(content))
    except ArgumentError as error:
        raise UserError(f"{path}: {brief(str(error))}") from error
    except cli.REFUSALS as error:
        raise UserError(f"{path}: {brief(str(cli.root_cause(error)))}") from error
    return built

"""What is wrong with a configuration file, in words that name it; what keys it may have is the parser's business."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from experiments.errors import UserError, said

MERGE = "<<"


def check_config_files(args: Sequence[str]) -> None:
    """Refuse files of a command line that cannot be read, or that say something twice.

    Args:
        args: All words; what is no file is left to the parser.

    Raises:
        UserError: If one is a folder, no UTF-8, no YAML, empty, no mapping, or has a key twice, of which YAML would
            take the last.
    """
    for place, word in enumerate(args):
        option, _, value = word.partition("=")
        if option in ("--config", "-c"):
            given = Path(value or (args[place + 1] if place + 1 < len(args) else ""))
            if value[:1] not in "{[" and given.exists():
                check_config_file(given)


def check_config_file(path: Path) -> None:
    """Refuse one file; see :func:`check_config_files`."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: expected a configuration in YAML, got {said(error)}") from error
    if not isinstance(node, MappingNode):
        kind = "an empty file" if node is None else "a list" if isinstance(node, SequenceNode) else "a text"
        raise UserError(f"{path}: expected a configuration of keys and values, got {kind}")
    for key, line in _repeated(node):
        raise UserError(f"{path}: line {line}: expected the key {key!r} once, got it again")


def _repeated(node: Node) -> Iterator[tuple[str, int]]:
    if isinstance(node, SequenceNode):
        for part in node.value:
            yield from _repeated(part)
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else ""
            if name in seen and name != MERGE:
                yield name, key.start_mark.line + 1
            seen.add(name)
            yield from _repeated(value)

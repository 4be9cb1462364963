"""YAML that people write: nothing said twice, nothing without end, and what is wrong with it in one line."""

from pathlib import Path
from typing import Any

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from datamodules.errors import DataError

MOST_NODES = 1_000_000
"""Of a file with its aliases written out: some tens of bytes can stand for more than any memory holds."""


def read_yaml(path: Path | str) -> Any:
    """Return what a file says.

    Args:
        path: A UTF-8 file in YAML without objects.

    Raises:
        DataError: If it cannot be read, is no YAML, has a key twice in one mapping, of which the plain reader would
            silently take the last, or an alias that stands for itself or for more than a million words.
    """
    try:
        return parse_yaml(Path(path).read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise DataError(f"{path}{line}: {error.problem}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else "unreadable characters"
        raise DataError(f"{path}: expected YAML, got {reason}") from error
    except Exception as error:  # lists within lists without end, the 30th of February, a number of thousands of digits
        raise DataError(f"{path}: expected YAML, got {type(error).__name__}: {error}") from error


def parse_yaml(text: str) -> Any:
    """Return what YAML says; see :func:`read_yaml`.

    Raises:
        yaml.MarkedYAMLError: If it is none, or says something twice or without end; its ``problem`` says what.

    Example:
        >>> parse_yaml("{a: &a {x: 1, y: 2}, b: {<<: *a, x: 3}}")
        {'a': {'x': 1, 'y': 2}, 'b': {'x': 3, 'y': 2}}
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, {})
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        if not isinstance(error, _RefusedError):
            error.problem = f"expected YAML, got a syntax error: {error.problem}"
        raise
    finally:
        loader.dispose()


class _RefusedError(yaml.MarkedYAMLError):
    """What YAML allows and nobody means."""


class _Loader(yaml.SafeLoader):
    """Refuses mappings with a key that is there twice; one that is merged in by ``<<`` may be."""

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        """Return a mapping as it is written, before anything is merged into it."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, ScalarNode) and (key.tag, key.value) in seen:
                problem = f"expected every key once, got {key.value!r} again"
                raise _RefusedError(problem=problem, problem_mark=key.start_mark)
            seen.add((key.tag, str(key.value)))
        return node


def _count(node: Node, counted: dict[Node, int]) -> int:
    """Return how many nodes one stands for, aliases written out."""
    if node not in counted:
        counted[node] = MOST_NODES + 1  # if it is met again inside itself
        children = [part for item in node.value for part in item] if isinstance(node, MappingNode) else node.value
        inside = children if isinstance(node, MappingNode | SequenceNode) else ()
        counted[node] = 1 + sum(_count(child, counted) for child in inside)
    if counted[node] > MOST_NODES:
        problem = f"expected at most {MOST_NODES:,} words with aliases written out, got more"
        raise _RefusedError(problem=problem, problem_mark=node.start_mark)
    return counted[node]

"""Names in ``${…}`` that stand for other values."""

from collections.abc import Mapping
from string import Template
from typing import Any


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

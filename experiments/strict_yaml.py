"""YAML in which no key stands twice: of two, the plain reader would silently take the last."""

from typing import Any

import yaml


class _UniqueKeys(yaml.SafeLoader):
    """Refuses mappings with a key that is there twice; one that is merged in by ``<<`` may be."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Return a mapping as it is written, before anything is merged into it.

        Raises:
            yaml.YAMLError: If a key is there twice.
        """
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                raise yaml.MarkedYAMLError(
                    None, None, f"expected every key once, got {key.value!r} again", key.start_mark
                )
            seen.add((key.tag, str(key.value)))
        return node


def strict_yaml(text: str) -> Any:
    """Return what YAML says.

    Raises:
        yaml.YAMLError: If it is none, or a key stands twice in one mapping.

    Example:
        >>> strict_yaml("{a: &a {x: 1, y: 2}, b: {<<: *a, x: 3}}")
        {'a': {'x': 1, 'y': 2}, 'b': {'x': 3, 'y': 2}}
    """
    return yaml.load(text, _UniqueKeys)  # noqa: S506  a SafeLoader

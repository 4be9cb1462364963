"""Names of measures, and who watches them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from experiments.runs.spec import class_name

SPLITS = ("train", "val", "test")
"""What a training's own names begin with; those of an evaluation begin with the protocol's."""


class Names(NamedTuple):
    """What a run logs."""

    known: frozenset[str]
    are_all: bool
    """Whether there are no others: a class that is not this suite's may log more."""

    def have(self, name: str) -> bool:
        """Whether a run may log a name."""
        return name in self.known or (not self.are_all and name.partition("/")[0] in SPLITS)


def monitored(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield class and name for each callback that watches a measure, such as ``ModelCheckpoint``."""
    for node in (config.get("trainer") or {}).get("callbacks") or ():
        name = (node.get("init_args") or {}).get("monitor") if isinstance(node, Mapping) else None
        if isinstance(name, str):
            yield class_name(node), name


def class_path(node: Any) -> Any:
    """Return the class that a node of a configuration names."""
    return node.get("class_path") if isinstance(node, Mapping) else node

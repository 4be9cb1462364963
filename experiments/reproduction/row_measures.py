"""What a row of a paper may measure."""

from typing import Any

from experiments import measures
from experiments.measures.names import monitored
from experiments.reproduction.paper_parts import PaperRow
from experiments.runs.layers import configuration, merged
from experiments.runs.resolution import changed
from experiments.runs.spec import instance

NOT_EVALUATED = "segmentation"
"""The system whose network makes no embeddings."""


class RowMeasures:
    """Names of what a row's training and evaluations measure.

    Args:
        row: With a scale's values.
        scale: The scale.
    """

    def __init__(self, row: PaperRow, scale: str) -> None:
        config = configured(row, scale)
        self._logged = measures.logged_names(config)
        self.watched = list(monitored(config))
        protocols = set() if row.system == NOT_EVALUATED else set(measures.protocol_names())
        self._found = {
            n for p in protocols - (set() if row.evaluated else {"generated"}) for n in measures.protocol_names()[p]
        }

    @property
    def known(self) -> set[str]:
        """Names that are known beforehand."""
        return self._found | self._logged.known

    def has(self, name: str) -> bool:
        """Whether it may have a measure."""
        return name in self._found or self._logged.have(name)


def configured(row: PaperRow, scale: str) -> dict[str, Any]:
    """Return a row's configuration with what it changes, as far as names of measures depend on it."""
    config = merged(configuration(row.system, scale))
    for key, value in row.changes.items():
        changed(config, key, value)
    maps = [instance("callbacks.OcclusionMapping", **settings) for settings in row.maps.values()]
    changed(config, "trainer.callbacks+", maps)
    return config

"""The command line read or built, and not run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments.cli.face_cli import FaceCLI
from experiments.cli.settings_checks import leaves


class DryCLI(FaceCLI):
    """Builds everything, without a look at every image or what an earlier stage has yet to leave, and stops there."""

    def instantiate_classes(self) -> None:
        """Build from a copy of the configuration, so that the resolved one stays what was asked for."""
        asked = self.config
        self.config = asked.clone()
        config = self.config[self.subcommand] if self.subcommand else self.config
        data, model = config.data.get("init_args", {}), config.model.get("init_args", {})
        checks = data.get("checks")
        if checks is not None and checks.get("on_bad_image") != "skip" and checks.get("duplicates", "warn") == "warn":
            checks["check_images"] = False
        if not all(Path(path).exists() for path in values_of(data.get("training_occluder"), "map_file")):
            data["training_occluder"] = None
        if model.get("initial_weights") is None and model.get("continue_classifier"):
            model["continue_classifier"] = False
        super().instantiate_classes()
        self.config = asked

    def _run_subcommand(self, subcommand: str) -> None:
        """Do nothing."""


class ParsingCLI(FaceCLI):
    """Parses, and builds nothing."""

    def _set_seed(self) -> None:
        """Do nothing."""

    def instantiate_classes(self) -> None:
        """Do nothing."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Do nothing."""


def values_of(node: Any, name: str) -> Iterator[Any]:
    """Yield the values of a key wherever it is in a configuration.

    Example:
        >>> list(values_of({"a": {"lr": 1, "b": [{"lr": 2}]}}, "lr"))
        [1, 2]
    """
    return (value for key, value in leaves(node) if key.rpartition(".")[2] == name)

"""The command line read or built, and not run."""

from experiments.cli.face_cli import FaceCLI


class DryCLI(FaceCLI):
    """Builds everything, and stops there."""

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

"""The command line built or only parsed, and not run."""

from experiments.cli.face_cli import FaceCLI


class BuildingCLI(FaceCLI):
    """Builds everything, and runs nothing."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Do nothing."""


class ParsingCLI(BuildingCLI):
    """Parses, and builds nothing."""

    def _set_seed(self) -> None:
        """Do nothing."""

    def instantiate_classes(self) -> None:
        """Do nothing."""

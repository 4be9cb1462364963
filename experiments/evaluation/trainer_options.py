"""Those of an evaluation's options that are a trainer's."""

import argparse
from typing import Any

from pytorch_lightning import Callback

from experiments.cli import UserError
from experiments.evaluation.face_outputs import quiet_trainer
from lightning_modules.networks.foreign import foreign


def trainer_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the trainer's settings among the options, refused where no trainer can have them.

    Raises:
        UserError: If none can.
    """
    found = {name: getattr(options, name) for name in ("accelerator", "devices", "precision")}
    said = ", ".join(f"--{name} {value}" for name, value in found.items() if value is not None)
    try:
        with foreign("options that a trainer can have", said):
            quiet_trainer(Callback(), settings := {**found, "enable_progress_bar": False})
    except ValueError as error:
        raise UserError(str(error)) from error
    return settings

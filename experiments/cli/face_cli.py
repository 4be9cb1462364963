"""LightningCLI with this suite's links, checks and saved configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, set_parsing_settings
from lightning_fabric.plugins import TorchCheckpointIO
from lightning_utilities.core.rank_zero import rank_zero_info
from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.cli import ArgsType, LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.loggers import CSVLogger

import callbacks
import datamodules.occluders
import datamodules.sources
import lightning_modules.networks
import losses
from datamodules.protocols import EvaluationProtocol
from experiments.cli import wandb_runs
from experiments.cli.arguments import check_writable
from experiments.cli.command_line import LINKED
from experiments.cli.garbage import collected
from experiments.cli.messages import brief, with_nearest_keys
from experiments.cli.refusals import refusal, root_cause
from experiments.cli.settings_checks import check_settings
from experiments.cli.user_errors import UserError
from experiments.results import report
from experiments.runs.checkpoint_files import usable_checkpoint
from experiments.runs.saving import SavesBeforeStopping, WholeCheckpoints
from lightning_modules.base import FaceModule
from lightning_modules.batch_norm import check_batch_norm
from lightning_modules.class_parallel_module import ClassParallelModule
from losses.lazy import load

# a configuration may name classes without their packages, as `SOIDNModule`, where they are loaded
load(
    callbacks,
    datamodules,
    datamodules.occluders,
    datamodules.protocols,
    datamodules.sources,
    lightning_modules,
    lightning_modules.networks,
    losses,
)
# a protocol is a dataclass, which a configuration names by the function that reads it
set_parsing_settings(subclasses_enabled=[EvaluationProtocol])


class LogConfigCallback(SaveConfigCallback):
    """Saves the parsed config beside the run and gives it to every logger."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save, unless the run has no logger and so no folder of its own."""
        if trainer.loggers:
            super().setup(trainer, pl_module, stage)

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Log the config as hyper-parameters; the CSV logger has it as a file already."""
        for logger in trainer.loggers:
            if not isinstance(logger, CSVLogger):
                logger.log_hyperparams(self.config.as_dict())


class FaceCLI(LightningCLI):
    """``fit``, ``validate``, ``test`` and ``predict`` for any module on any data; a fit ends with a test.

    Args:
        args: A subcommand and its options, one word each.
        siblings: Options of the command that calls this one, which a misspelt key may have meant.
    """

    def __init__(self, args: Sequence[str], siblings: Sequence[str] = ()) -> None:
        self.siblings = siblings
        super().__init__(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=LogConfigCallback,
            save_config_kwargs={"overwrite": True},
            trainer_defaults={"enable_model_summary": False},  # with a column of FLOPs, all of them 0
            seed_everything_default=0,
            auto_configure_optimizers=False,
            parser_kwargs={"exit_on_error": False, "allow_abbrev": False},
            args=list(args),
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Give every value that two parts share one place in the config."""
        _whole_numbers_first(parser)
        parser.add_argument("--system", type=str, default="model", help="Name in tables, as in the paper's.")
        parser.add_argument("--evaluate", type=bool, default=True, help="Whether a fit ends with the evaluation.")
        for target, source in LINKED.items():
            parser.link_arguments(source, target)
        parser.link_arguments("data.num_classes", "model.init_args.num_classes", apply_on="instantiate")

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse, and refuse settings that cannot be meant and checkpoints that cannot be read before all is built.

        Raises:
            UserError: If the command line or a file cannot be parsed; of a key that does not exist, with the nearest.
        """
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            keys = (part.get_defaults().keys() for part in self._subcommand_parsers.values())
            raise UserError(brief(with_nearest_keys(str(error), sorted({*self.siblings}.union(*keys))))) from error
        except Exception as error:  # of a file that is none, a tab in YAML, a module that cannot be imported
            raise refusal(error) from error
        subcommand = self.config["subcommand"]
        config = self.config[subcommand]
        check_settings(config.as_dict(), subcommand)
        if (path := config.get("ckpt_path")) is not None:
            folder = config.get("trainer.default_root_dir") or "."
            config["ckpt_path"] = usable_checkpoint(path, resumes=subcommand == "fit", folder=folder)

    def instantiate_classes(self) -> None:
        """Build everything; a value that a class refuses is the user's to mend."""
        try:
            super().instantiate_classes()
        except Exception as error:  # whatever libraries' and users' classes raise
            raise refusal(root_cause(error)) from error

    def _run_subcommand(self, subcommand: str) -> None:
        """Refuse what would fail only after something has been computed, then run.

        Raises:
            UserError: If the run's folder cannot be written to, W&B refuses its settings, or processes do not fit.
        """
        for logger in self.trainer.loggers:
            if logger.save_dir is not None:
                check_writable(Path(logger.save_dir), "the run")
        self._check_processes(subcommand)
        wandb_runs.start(self.trainer)
        collected()
        super()._run_subcommand(subcommand)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Save before stopping, and each checkpoint whole or not at all, unless a plugin of the user's writes it."""
        try:
            trainer = super().instantiate_trainer(**kwargs)
        except TypeError as error:
            if str(error).startswith("`devices`"):  # -1 of the CPU
                raise UserError(str(error)) from error
            raise
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = WholeCheckpoints(falls_back=self.subcommand == "fit")
        # the last, so that the others have seen the batch
        trainer.callbacks.append(SavesBeforeStopping())  # type: ignore[attr-defined]  # Lightning sets it elsewhere
        return trainer

    def _check_processes(self, subcommand: str) -> None:
        """Refuse, before they are started, processes that would each find it impossible."""
        if isinstance(self.model, ClassParallelModule):
            self.model.check_processes(self.trainer)
        if subcommand == "fit" and self.trainer.world_size > 1 and isinstance(self.model, FaceModule):
            strategy, accelerator = self.trainer.strategy, self.trainer.accelerator
            if getattr(strategy, "_layer_sync", None) is not None and isinstance(accelerator, CPUAccelerator):
                check_batch_norm(self.model.network, self.trainer.world_size, synchronised=True, on_cpu=True)

    def before_fit(self) -> None:
        """Say what will be trained on."""
        if describe := getattr(self.datamodule, "describe", None):
            rank_zero_info(describe())

    def after_fit(self) -> None:
        """Evaluate the trained weights on identities that training never saw.

        Raises:
            UserError: If nothing was trained, as where the time was over before the first step.
        """
        trying = getattr(self.trainer, "fast_dev_run", False)
        if self.trainer.global_step == 0 and not self.trainer.interrupted and not trying:
            raise UserError("Expected a training of at least one step, got one that trained nothing")
        if self._get(self.config, "evaluate") and not self.trainer.interrupted:
            self.trainer.test(self.model, datamodule=self.datamodule, verbose=False)
            self.after_test()

    def after_test(self) -> None:
        """Print the table and write it beside the run."""
        report(self.trainer, self._get(self.config, "system"))


def _whole_numbers_first(parser: LightningArgumentParser) -> None:
    """Read 1 as one batch and not as the share 1.0, in whatever order libraries were loaded.

    ``Optional[Union[int, float]]`` of the trainer is the object that ``typing`` remembers from whoever has asked for it
    first, perhaps as ``Union[float, int]``, and the parser takes the first type that fits.
    """
    for action in parser._actions:
        if getattr(action, "_typehint", None) == (int | float | None):
            action._typehint = int | float | None  # type: ignore[attr-defined]  # of a subclass

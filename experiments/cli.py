"""LightningCLI with this suite's links, its saved config and errors that people can read."""

import json
import math
import re
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from pydoc import locate
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser, Namespace, set_parsing_settings
from lightning_fabric.plugins import TorchCheckpointIO
from lightning_fabric.utilities.exceptions import MisconfigurationException
from lightning_utilities.core.rank_zero import rank_zero_info
from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.cli import ArgsType, LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.utilities.exceptions import SIGTERMException

import callbacks
import datamodules.occluders
import datamodules.sources
import lightning_modules.networks
import losses
from datamodules.errors import DataError
from datamodules.protocols import EvaluationProtocol
from experiments import wandb_runs
from experiments.config_file import check_config_files
from experiments.errors import UnforeseenError, UserError, check_writable, main, said
from experiments.measures import logged_names, monitored
from experiments.results import report
from experiments.runs.checkpoint_files import WholeCheckpoints, damage, holds_training, whole_checkpoint
from experiments.runs.layers import expanded
from experiments.runs.stopping import TERMINATED, SavesBeforeStopping
from lightning_modules.base import FaceModule
from lightning_modules.batch_norm import check_batch_norm
from lightning_modules.networks import read_state_dict
from losses.lazy import load

PARSER_CHATTER = re.compile(
    r"(- )?(Does not validate|Subtypes:|Errors:|Expected a <class 'NoneType'>|Given value"
    r"|Not a valid subclass|Subclass types expect|a class path \(str\)|a dict with)"
)
"""Lines of the parser's messages that say nothing of what the user wrote."""

UNKNOWN_KEY = re.compile(
    r"unrecognized arguments: --(?P<argument>[\w.]+)\S*"
    r"|does not accept option '(?P<option>[^']+)'"
    r"|Option '(?P<parameter>[^']+)' is not accepted"
)
"""How the parser says that a key does not exist: as an option, in a file, in a chosen class."""
CHOSEN_CLASS = re.compile(r"class_path[ =]'([\w.]+)'")

REFUSALS = (ValueError, OSError, RuntimeError, KeyError, MisconfigurationException)
"""What classes raise at a value they cannot take; torch's are RuntimeErrors (shapes), smp's KeyErrors (names)."""
WORDED = (ValueError, OSError, ImportError, AttributeError, ArgumentError, MisconfigurationException)
"""Of what is raised while a command line is read and built, what is said in words that need no traceback."""

LEAST = {
    "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1,
    "gradient_clip_val": 0,
    "log_every_n_steps": 0,
    "num_sanity_val_steps": -1,
}
"""Smallest values of the trainer's settings that it takes, and fails or does something else at."""
DEVICES = re.compile(r"auto|-1|[1-9]\d*|\d+,|\d+(, *\d+)+")
"""How many there are to be, or which: 2, or 0,1."""
LINKED = {
    "data.init_args.seed": "seed_everything",
    "model.init_args.network.init_args.image_size": "data.init_args.image_size",
}
"""Keys whose value is another's: what is given for them alone would not be used."""
DEEP_KEY = re.compile(r"--[\w.]+\.init_args\.[\w.]+\.init_args\.[\w.]+")
"""An option of a class that is chosen within a chosen class."""
NULL = re.compile(r"null|Null|NULL|~|None")

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
        siblings: Options of the command that calls this one, which a misspelt key may have meant.
        args: Positional arguments of :class:`pytorch_lightning.cli.LightningCLI`.
        kwargs: Keyword arguments of :class:`pytorch_lightning.cli.LightningCLI`.
    """

    def __init__(self, *args: Any, siblings: Sequence[str] = (), **kwargs: Any) -> None:
        self.siblings = siblings
        super().__init__(*args, **kwargs)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Give every value that two parts share one place in the config."""
        parser.add_argument("--system", type=str, default="model", help="Name in tables, as in the paper's.")
        parser.add_argument("--evaluate", type=bool, default=True, help="Whether a fit ends with the evaluation.")
        parser.link_arguments("seed_everything", "data.init_args.seed")
        parser.link_arguments("data.init_args.image_size", "model.init_args.network.init_args.image_size")
        parser.link_arguments("data.num_classes", "model.init_args.num_classes", apply_on="instantiate")

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse, and refuse a checkpoint that cannot be read before anything is built.

        Raises:
            UserError: If the command line or a file cannot be parsed; of a key that does not exist, with the nearest.
        """
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            known = set(self.siblings).union(
                *(part.get_defaults().keys() for part in self._subcommand_parsers.values())
            )
            raise UserError(brief(with_nearest_keys(str(error), sorted(known)))) from error
        except Exception as error:  # of a file that is none, a tab in YAML, a module that cannot be imported
            raise refusal(error) from error
        config = self.config[self.config["subcommand"]]
        check_settings(config, self.config["subcommand"])
        if self.config["subcommand"] == "fit":
            check_monitors(config.as_dict())
        path = config.get("ckpt_path")
        if path is not None and path not in {"best", "last", "hpc"}:
            if self.config["subcommand"] == "fit" and Path(path).is_file():
                config["ckpt_path"] = path = str(whole_checkpoint(path))
            check_checkpoint(path, to_go_on=self.config["subcommand"] == "fit")
        elif path in {"best", "hpc"}:
            check_known_checkpoint(path, config.get("trainer.default_root_dir") or ".")

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
        if subcommand == "fit" and self.trainer.world_size > 1 and isinstance(self.model, FaceModule):
            strategy, accelerator = self.trainer.strategy, self.trainer.accelerator
            if getattr(strategy, "_layer_sync", None) is not None and isinstance(accelerator, CPUAccelerator):
                check_batch_norm(self.model.network, self.trainer.world_size, synchronised=True, on_cpu=True)

    def before_fit(self) -> None:
        """Say what will be trained on."""
        if describe := getattr(self.datamodule, "describe", None):
            rank_zero_info(describe())

    def after_fit(self) -> None:
        """Evaluate the trained weights on people that training never saw.

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


class DryCLI(FaceCLI):
    """Builds everything, without a look at every image or what an earlier stage has yet to leave, and stops there."""

    def instantiate_classes(self) -> None:
        """Build from a copy of the configuration, so that the resolved one stays what was asked for."""
        asked = self.config
        self.config = asked.clone()
        config = self.config[self.subcommand] if self.subcommand else self.config
        data, model = config.data.get("init_args", {}), config.model.get("init_args", {})
        if "check_images" in data and data.get("on_bad_image") != "skip" and data.get("duplicates", "warn") == "warn":
            data["check_images"] = False
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


def parse_only(args: Sequence[str]) -> None:
    """Check a command line's keys and the types of its values, whether or not the files that it names are there.

    Raises:
        UserError: If one is wrong.
    """
    run(args, cli=ParsingCLI)


def run(
    args: Sequence[str], *, dry: bool = False, cli: type[FaceCLI] | None = None, siblings: Sequence[str] = ()
) -> FaceCLI:
    """Run one command line in this process.

    Args:
        args: As in ``python -m experiments.train``: a subcommand and its options.
        dry: Only build what the command line asks for, so that a mistake in it shows.
        cli: What does that, in place of the usual.
        siblings: Options of the calling command, which a misspelt key may have meant.

    Raises:
        UserError: If what was asked for cannot be done; the message is one line.
    """
    wandb_runs.settle_mode()
    args = expanded(args)
    check_config_files(args)
    check_links(args)
    warnings.filterwarnings("ignore", message="LightningCLI's args parameter")  # other commands call it as a function
    warnings.filterwarnings("ignore", message=".*LeafSpec")  # Lightning's, about itself
    try:
        return (cli or (DryCLI if dry else FaceCLI))(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=LogConfigCallback,
            save_config_kwargs={"overwrite": True},
            seed_everything_default=0,
            auto_configure_optimizers=False,
            parser_kwargs={"exit_on_error": False, "allow_abbrev": False},
            args=with_nulls(args),
            siblings=siblings,
        )
    except UserError:
        raise
    except SIGTERMException as error:
        raise SystemExit(TERMINATED) from error
    except (ArgumentError, MisconfigurationException) as error:
        raise UserError(brief(str(error))) from error
    except DataError as error:  # from a loading process it comes with that process's traceback before it
        raise UserError(str(error).rpartition("DataError: ")[2]) from error
    except Exception as error:
        raise UnforeseenError(said(error)) from error
    finally:
        wandb_runs.finish()


def check_links(args: Sequence[str]) -> None:
    """Refuse options that would have no effect, as their value is another's.

    Raises:
        UserError: If there is one.
    """
    for word in args:
        key = word.partition("=")[0].removeprefix("--")
        if key in LINKED:
            raise UserError(f"Expected --{LINKED[key]}, from which `{key}` is taken, got {word}")


def _not_finite(node: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """Yield keys whose value is not a number; infinity is one for the trainer, where it stands for no limit."""
    if isinstance(node, Namespace):
        node = dict(node.items(branches=True, nested=False))
    if isinstance(node, float) and (math.isnan(node) or (math.isinf(node) and key.startswith(("model.", "data.")))):
        yield key, node
    for name, value in node.items() if isinstance(node, dict) else enumerate(node) if _is_list(node) else ():
        yield from _not_finite(value, f"{key}.{name}".removeprefix("."))


def _is_list(node: Any) -> bool:
    return isinstance(node, list | tuple)


def with_nulls(args: Sequence[str]) -> list[str]:
    """Return a command line whose nulls deep in chosen classes are given as configurations.

    The parser hands an option on to a class within a class as text, where null would become the word None: the name of
    a folder, say.

    Example:
        >>> with_nulls(["fit", "--data.init_args.source.init_args.cache_dir=null", "--ckpt_path=null"])
        ['fit', '--config={"data": {"init_args": {"source": {"init_args": {"cache_dir": null}}}}}', '--ckpt_path=null']
    """
    words = list(args)
    for place, word in enumerate(words[:-1]):
        if DEEP_KEY.fullmatch(word) and NULL.fullmatch(words[place + 1]):
            words[place : place + 2] = [f"{word}=null", ""]
    return [_null_as_configuration(word) for word, given in zip(words, args, strict=True) if word or word == given]


def _null_as_configuration(word: str) -> str:
    key, _, value = word.partition("=")
    if not (DEEP_KEY.fullmatch(key) and NULL.fullmatch(value)):
        return word
    content: Any = None
    for part in reversed(key.removeprefix("--").split(".")):
        content = {part: content}
    return f"--config={json.dumps(content)}"


def values_of(node: Any, name: str) -> Iterator[Any]:
    """Yield the values of a key wherever it is in a configuration.

    Example:
        >>> list(values_of({"a": {"lr": 1, "b": [{"lr": 2}]}}, "lr"))
        [1, 2]
    """
    if isinstance(node, Namespace):
        node = node.as_dict()
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key == name:
            yield value
        else:
            yield from values_of(value, name)


def refusal(error: BaseException) -> UserError:
    """Return what is said of an error that reading or building a command line has raised.

    It is always an error of its own: one that is raised from an error which it has caused has causes without end.
    """
    if isinstance(error, UserError):
        return type(error)(str(error))
    if isinstance(error, WORDED) and str(error):
        return UserError(brief(str(error)))
    return UnforeseenError(brief(said(error)))


def check_settings(config: Namespace, subcommand: str) -> None:
    """Refuse values that look like ones and train nothing, or nothing that could be repeated.

    Raises:
        UserError: If there is one.
    """
    seed = config.get("seed_everything")
    if isinstance(seed, bool) or seed is None or not 0 <= seed < 2**32:
        raise UserError(f"Expected `seed_everything` as a whole number from 0 to 4294967295, got {seed}")
    for key, value in _not_finite(config):
        raise UserError(f"Expected a number as `{key}`, got {value}")
    if subcommand == "fit":
        _check_length(config)
    for key, least in LEAST.items():
        value = config.get(f"trainer.{key}")
        if isinstance(value, int | float) and value < least:
            raise UserError(f"Expected `trainer.{key}` of at least {least}, got {value}")
    if config.get("trainer.val_check_interval") == 0:
        raise UserError("Expected `trainer.val_check_interval` above 0, got 0")
    if not str(config.get("system", "model")).strip():
        raise UserError("Expected a name as `system`, got an empty one")
    devices = config.get("trainer.devices", "auto")
    if isinstance(devices, int | str) and not DEVICES.fullmatch(str(devices).strip()):
        raise UserError(f"Expected `trainer.devices` as their number, their indices or auto, got {devices}")


def _check_length(config: Namespace) -> None:
    """Refuse a training that ends before it begins, or must not end when it has to."""
    for key in ("max_epochs", "max_steps", "limit_train_batches"):
        value = config.get(f"trainer.{key}")
        if value is not None and value == 0:
            raise UserError(f"Expected `trainer.{key}` other than 0, which trains nothing, got {value}")
    for unit in ("epochs", "steps"):
        least, most = config.get(f"trainer.min_{unit}"), config.get(f"trainer.max_{unit}")
        if least is not None and most is not None and 0 < most < least:
            raise UserError(f"Expected `trainer.min_{unit}` of at most `trainer.max_{unit}`, {most}, got {least}")
    if _is_no_time(limit := config.get("trainer.max_time")):
        raise UserError(f"Expected `trainer.max_time` above 0, which trains nothing, got {limit}")


def _is_no_time(limit: Any) -> bool:
    if isinstance(limit, Mapping):
        limit = timedelta(**limit)
    if isinstance(limit, timedelta):
        return limit <= timedelta()
    return isinstance(limit, str) and re.fullmatch(r"\s*0+(:00){3}\s*", limit) is not None


def root_cause(error: BaseException) -> BaseException:
    """Return what a class raised: the parser wraps it in errors of its own, one for each level of the config."""
    while error.__cause__ is not None and _raised_by_parser(error):
        error = error.__cause__
    return error


def _raised_by_parser(error: BaseException) -> bool:
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals["__name__"]).startswith("jsonargparse.")


def brief(message: str) -> str:
    r"""Return the lines of a parser's message that name the key and the reason.

    Example:
        >>> brief("Parser key 'a':\n  Errors:\n    - Expected an int\n  Given value: …")
        "Parser key 'a': Expected an int"
    """
    lines = [line.strip() for line in message.splitlines()]
    return " ".join(line.removeprefix("- ") for line in lines if not PARSER_CHATTER.match(line))


def with_nearest_keys(message: str, known: Sequence[str]) -> str:
    """Return a parser's message with the nearest existing key beside each that does not exist.

    Args:
        message: The parser's, whole.
        known: Keys outside chosen classes; those of a chosen class are its constructor's.

    Example:
        >>> with_nearest_keys("unrecognized arguments: --trainer.max_epoch=3", ["trainer.max_epochs"])
        "unrecognized arguments: --trainer.max_epoch=3; did you mean 'trainer.max_epochs'?"
    """
    return UNKNOWN_KEY.sub(lambda found: found.group() + _nearest_key(message, found, known), message)


def _nearest_key(message: str, found: re.Match[str], known: Sequence[str]) -> str:
    key = found["argument"] or found["option"] or found["parameter"]
    classes = CHOSEN_CLASS.findall(message, 0, found.start())
    if message.endswith("callable class: ", 0, found.start()):  # it is named after
        classes = CHOSEN_CLASS.findall(message, found.end())[:1]
    if classes:
        # `probabilities.none` is an entry of a parameter
        return did_you_mean(key.partition(".")[0], [*parameters(classes[-1]), "class_path", "init_args"])
    if whole := [name for name in known if name.endswith(f".{key}")]:  # `--max_epochs`
        return did_you_mean(whole[0], whole)
    inside, wrong = "", key
    while True:
        level = {name.removeprefix(inside).partition(".")[0] for name in known if name.startswith(inside)}
        part, _, rest = wrong.partition(".")
        if part not in level or not rest:
            return did_you_mean(part, level, inside)
        inside, wrong = f"{inside}{part}.", rest


def parameters(class_path: str) -> list[str]:
    """Return the parameters of a class, its parents' included, as a configuration names them.

    Example:
        >>> parameters("losses.BatchTripletLoss")
        ['margin', 'beta']
    """
    found = locate(class_path)
    return ArgumentParser().add_class_arguments(found, fail_untyped=False) if isinstance(found, type) else []


def did_you_mean(wrong: str, known: Iterable[str], inside: str = "") -> str:
    """Return the nearest of the known names as a question, or nothing where none is near.

    Example:
        >>> did_you_mean("max_epoch", ["max_epochs", "max_time"])
        "; did you mean 'max_epochs'?"
        >>> did_you_mean("colour", ["max_epochs", "max_time"])
        ''
    """
    near = get_close_matches(wrong, known, n=1)
    return f"; did you mean {inside + near[0]!r}?" if near else ""


def check_monitors(config: Mapping[str, Any]) -> None:
    """Refuse a training that would end after its first epoch, as a callback watches what is never logged.

    Raises:
        UserError: If one does.
    """
    watched = list(monitored(config))
    names = logged_names(config) if watched else None
    for watcher, name in watched:
        if names is not None and not names.have(name):
            expected = f"{watcher}: expected `monitor` to be a measure that the training logs"
            raise UserError(f"{expected}, got {name!r}{did_you_mean(name, names.known)}")


def check_checkpoint(path: str, *, to_go_on: bool = False) -> None:
    """Refuse a file that is no checkpoint of this suite, or not as it was written.

    Args:
        path: The file.
        to_go_on: Whether a training is to go on from it, for which weights alone are not enough.

    Raises:
        UserError: If it is missing, unreadable, damaged, another's, or weights alone.
    """
    try:
        names = list(read_state_dict(path))
    except ValueError as error:
        raise UserError(str(error)) from error
    if not any(name.startswith("network.") for name in names):
        raise UserError(f"Expected a checkpoint of this suite, with `network.…`, got {names[0]!r}, … in {path}")
    if (reason := damage(Path(path))) is not None:
        raise UserError(f"Expected a whole checkpoint, got {path}, which is damaged: {reason}")
    if to_go_on and not holds_training(path):
        raise UserError(
            f"Expected a checkpoint that a training can go on from, got {path}, which holds weights alone: "
            f"--model.init_args.initial_weights={path} starts from them"
        )


def check_known_checkpoint(name: str, folder: str) -> None:
    """Refuse a word for a checkpoint that a new process cannot know, or of which there is none.

    Args:
        name: ``best``, of a training of the same process, or ``hpc``, which SLURM's request has left.
        folder: The trainer's.

    Raises:
        UserError: If there is none.
    """
    if name == "best":
        raise UserError("Expected a file as `ckpt_path`, got 'best', which only the process knows that has trained")
    if "://" not in folder and not any(Path(folder).glob("hpc_ckpt_*.ckpt")):
        raise UserError(f"Expected a checkpoint hpc_ckpt_….ckpt in {folder} for `ckpt_path` 'hpc', got none")


__all__ = [
    "REFUSALS",
    "DryCLI",
    "FaceCLI",
    "ParsingCLI",
    "UserError",
    "brief",
    "check_checkpoint",
    "did_you_mean",
    "main",
    "parse_only",
    "root_cause",
    "run",
    "values_of",
]

"""Weights & Biases as a run needs it: on its server where that answers, never in the way of a training."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from netrc import NetrcParseError, netrc
from typing import Any
from urllib.parse import urlsplit

import requests
import wandb
from lightning_utilities.core.rank_zero import rank_zero_warn
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import WandbLogger
from wandb.errors import AuthenticationError, CommError

from experiments.cli.user_errors import UserError, said

ANSWER_SECONDS = 5.0
"""So long the server has to answer at all, name resolution included."""
START_SECONDS = 12
"""So long a run may take to begin on it; W&B's own limit is a minute and a half."""
MODES = ("online", "offline", "disabled", "shared", "dryrun", "run")
LAUNCH = "wandb.sdk.launch"
REMEDY = "WANDB_MODE=offline logs to disk, `wandb sync` uploads it later"


def has_wandb_key() -> bool:
    """Whether the user can log to W&B's server: by a key in the environment or in netrc that is not empty."""
    if os.environ.get("WANDB_API_KEY", "").strip() or os.environ.get("WANDB_IDENTITY_TOKEN_FILE", "").strip():
        return True
    try:
        hosts = netrc(os.environ.get("NETRC") or None).hosts
    except (OSError, NetrcParseError, UnicodeDecodeError):
        return False
    own = urlsplit(os.environ.get("WANDB_BASE_URL", "")).hostname
    return any((host == own or "wandb" in host) and (key or "").strip() for host, (_, _, key) in hosts.items())


def settle_mode() -> None:
    """Let W&B write to disk only, unless the user has a key or has said what to do.

    Raises:
        UserError: If `WANDB_MODE` is none of W&B's.
    """
    for name in ("WANDB_MODE", "WANDB_API_KEY"):  # set but empty is not set
        if name in os.environ and not os.environ[name].strip():
            del os.environ[name]
    if "WANDB_MODE" not in os.environ and not has_wandb_key():
        os.environ["WANDB_MODE"] = "offline"
        os.environ.setdefault("WANDB_SILENT", "true")  # its summary would bury the run's own
    elif (mode := os.environ.get("WANDB_MODE", "online")) not in MODES:
        raise UserError(f"Expected WANDB_MODE among {', '.join(MODES)}, got {mode!r}")


def logs_online() -> bool:
    """Whether runs are to be logged to a server that answers; where it does not, say so and log offline.

    Raises:
        UserError: If it does not answer though the user wants it: `WANDB_MODE=online`.
    """
    wanted = os.environ.get("WANDB_MODE")
    if wanted not in (None, "online", "run") or not (wanted or has_wandb_key()):
        return False
    reason = unreachable(server())
    if reason is not None:
        _go_offline(reason)
    return reason is None


def start(trainer: Trainer) -> None:
    """Begin the W&B run of a trainer now: what is wrong shows before anything is computed.

    Afterwards no failure of W&B ends a training.

    Raises:
        UserError: If W&B refuses the key or a setting.
    """
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            _start(logger)
            if type(logger) is WandbLogger:
                logger.__class__ = EnduringLogger


def _start(logger: WandbLogger) -> None:
    if logs_online():
        os.environ.setdefault("WANDB_INIT_TIMEOUT", str(START_SECONDS))
    logger._wandb_init.pop("anonymous", None)  # Lightning gives it always, and W&B warns that it has no effect
    try:
        try:
            with _unlaunched():
                _ = logger.experiment
        except CommError as error:
            if isinstance(error, AuthenticationError):
                raise
            _go_offline(said(error))
            with _unlaunched():
                _ = logger.experiment
    except UserError:
        raise
    except Exception as error:  # W&B's own, its transport's and its settings' errors
        raise UserError(f"W&B: {said(error)}; {REMEDY}") from error


@contextmanager
def _unlaunched() -> Iterator[None]:
    """Begin a run without loading W&B's Launch, a second's work, to look for what nobody can have staged there."""
    look = "_detect_and_apply_job_inputs"
    original = getattr(wandb.Run, look, None)
    if original is None or LAUNCH in sys.modules:
        yield
        return
    setattr(wandb.Run, look, lambda run: None)
    try:
        yield
    finally:
        setattr(wandb.Run, look, original)


def _go_offline(reason: str) -> None:
    if os.environ.get("WANDB_MODE") in ("online", "run"):
        raise UserError(f"W&B: {reason}; {REMEDY}")
    rank_zero_warn(f"W&B: {reason}: this run is logged offline, to disk; WANDB_MODE=offline asks for that")
    wandb.teardown()  # it has read the environment
    os.environ["WANDB_MODE"] = "offline"


def server() -> str:
    """Return the address of W&B's server, or of the user's own."""
    return os.environ.get("WANDB_BASE_URL", "").strip() or str(wandb.Settings().base_url)


@cache
def unreachable(address: str) -> str | None:
    """Return why a server does not answer, ``None`` if it does, whatever the answer."""
    found: list[str | None] = [f"{address} has not answered for {ANSWER_SECONDS:g} seconds"]

    def ask() -> None:
        try:
            requests.head(address, timeout=ANSWER_SECONDS)
        except requests.RequestException as error:
            found[0] = f"{address} cannot be reached ({type(error).__name__})"
        else:
            found[0] = None

    asking = threading.Thread(target=ask, daemon=True)  # name resolution knows no time limit
    asking.start()
    asking.join(ANSWER_SECONDS)
    return found[0]


def _enduring(method: str) -> Callable[..., None]:
    """Return a logger's method that does nothing any more once W&B has failed."""

    def enduring(self: "EnduringLogger", *args: Any, **kwargs: Any) -> None:
        if not self.failed:
            act = partial(getattr(super(EnduringLogger, self), method), *args, **kwargs)
            self.failed = not done(act, "the rest of this run is not logged there; its folder has all of it")

    return enduring


class EnduringLogger(WandbLogger):
    """W&B's logger, which falls silent, and says so, where W&B fails in the middle of a run."""

    failed = False
    log_metrics = _enduring("log_metrics")
    log_hyperparams = _enduring("log_hyperparams")
    log_image = _enduring("log_image")
    log_table = _enduring("log_table")
    after_save_checkpoint = _enduring("after_save_checkpoint")
    finalize = _enduring("finalize")


def finish() -> None:
    """End W&B's run, or the next one of this process would continue it."""
    done(wandb.finish, "its end is not logged")


def done(act: Callable[[], object], consequence: str) -> bool:
    """Return whether something of W&B's was done, and turn what it raises into a warning."""
    try:
        act()
    except Exception as error:  # none of W&B's is worth a training
        rank_zero_warn(f"W&B failed ({said(error)}): {consequence}")
        return False
    return True

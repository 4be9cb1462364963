"""What a sweep found: a table of its trials, the best value, and a picture."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from experiments.cli.user_errors import UserError
from experiments.sweeping.local import FOLDER, SweepTrial
from experiments.sweeping.response_curve import best_trial, draw_response, short_names
from experiments.sweeping.sweep_file import Sweep


def report(wanted: Sweep, trials: Sequence[SweepTrial]) -> None:
    """Print the table and the best value, and draw the response curve.

    Raises:
        UserError: If no trial has a result.
    """
    good = [trial for trial in trials if trial.result is not None]
    if not good:
        reason = f", the first: {trials[0].note}" if trials else ""
        raise UserError(f"{wanted.path}: all {len(trials)} trials failed{reason}")
    names = short_names(wanted)
    table = Table("trial", *names.values(), wanted.metric, title=f"Sweep {wanted.name}", box=SIMPLE_HEAD)
    for trial in trials:
        result = f"{trial.result:.4f}" if trial.result is not None else f"failed: {trial.note}"
        table.add_row(str(trial.number), *(_text(trial.values[name]) for name in names), result)
    Console().print(table)
    best = best_trial(wanted, good)
    values = ", ".join(f"{short} = {_text(best.values[name])}" for name, short in names.items())
    print(f"Best: {values} ({wanted.metric} {best.result:.4f}, trial {best.number})")
    picture = FOLDER / wanted.name / "response.png"
    draw_response(wanted, good, picture)
    print(f"Response curve: {picture}")


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

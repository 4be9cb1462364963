"""Sweeps: their files, what runs them, what is kept when they are interrupted, and what is refused."""

import json
import math
import re
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import wandb
import yaml
from matplotlib.figure import Figure
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from experiments.cli import UserError
from experiments.runs.layers import CONFIGS, merged
from experiments.runs.lease import Lease
from experiments.runs.process import Processes
from experiments.runs.resolution import resolved
from experiments.runs.spec import RunSpec
from experiments.sweep import sweep
from experiments.sweeping.local import FOLDER, SweepTrial, locked, run_here
from experiments.sweeping.sweep_file import Sweep, read_sweep
from experiments.sweeping.sweep_report import draw_response
from experiments.sweeping.trials import Trials
from tests.experiments.conftest import Options
from tests.helpers.processes import run_module

SWEEPS = sorted((CONFIGS.parent / "sweeps").glob("*.yaml"))
LR = "model.init_args.optimizer.init_args.lr"
METRIC = "test/rank1/none"
REPORTED_SEEDS = range(5)  # of the tables in README.md

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a sweep's file, changed as wanted; ``None`` leaves a key out."""

    def write(**changes: Any) -> Path:
        config: dict[str, Any] = {
            "program": "experiments/launch.py",
            "command": ["${env}", "${interpreter}", "-m", "experiments.launch", "trunk", "${args}"],
            "project": "p",
            "method": "grid",
            "metric": {"name": METRIC, "goal": "maximize"},
            "parameters": {LR: {"values": [0.001, 0.002]}, "seed_everything": {"value": 7}},
        }
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump({k: v for k, v in (config | changes).items() if v is not None}, sort_keys=False))
        return path

    return write


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Stand-ins for trainings: what each was called with; the metric is the learning rate, above 0.5 they fail."""
    called: list[dict[str, str]] = []

    def train(
        self: Processes, module: str, args: Sequence[str], log: Path, lock: int, environment: Mapping[str, str]
    ) -> None:
        options = dict(word.removeprefix("--").split("=", 1) for word in args if "=" in word)
        called.append(options | {"group": environment["WANDB_RUN_GROUP"]})
        rate = float(options[LR])
        if rate > 0.5:
            raise RuntimeError("it diverged")
        (log.parent / "history.json").write_text(json.dumps([{"epoch": 1, "seconds": 1.0}]))
        (log.parent / "metrics.json").write_text(json.dumps({"metrics": {METRIC: rate, "test/eer/none": 0.5}}))

    monkeypatch.setattr(Processes, "call", train)
    monkeypatch.setattr("experiments.sweeping.trials.rehearsed", lambda spec: None)
    return called


def space(kind: str, low: float, high: float, **more: float) -> dict[str, Any]:
    return {LR: {"distribution": kind, "min": low, "max": high, **more}}


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_sweep_s_keys_exist_and_its_people_are_in_no_table(path: Path, tiny: Options) -> None:
    wanted = read_sweep(path)
    few = ["--data.init_args.identity_batches={identities: 4, images: 2}"] if path.stem == "beta" else []
    Trials(wanted, [*tiny, *few]).rehearse()
    assert wanted.name == path.stem
    assert wanted.fixed["data.init_args.source.init_args.seed"] not in REPORTED_SEEDS
    assert wanted.metric.startswith(("test/rank1/", "test/accuracy/"))
    assert wanted.goal == "maximize"


def test_there_are_four() -> None:
    assert [path.stem for path in SWEEPS] == ["beta", "joint", "lambda", "temperature"]


def test_a_key_that_no_configuration_has_is_refused_with_the_nearest(tmp_path: Path, tiny: Options) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((CONFIGS.parent / "sweeps/lambda.yaml").read_text().replace("on_weight", "on_wieght"))
    expected = f"{path}: .*'segmentation_wieght' is not accepted; did you mean 'segmentation_weight'"
    with pytest.raises(UserError, match=expected):
        sweep([str(path), *tiny])
    assert not Path("runs").exists()


@pytest.mark.slow
def test_an_interrupted_sweep_is_resumed_where_it_stopped(
    write: Write, tiny: Options, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, real, started = write(), Processes.call, []

    def once(self: Processes, module: str, args: Sequence[str], *rest: Any, **environment: Any) -> None:
        started.append(next(word for word in args if LR in word))
        if len(started) == 2:
            raise KeyboardInterrupt
        if len(started) == 3:
            real(self, module, args, *rest, **environment)
        else:
            run_module(module, *args)  # from the server that has imported the suite: one real start is enough

    monkeypatch.setattr(Processes, "call", once)
    with pytest.raises(UserError, match="interrupted; the same command resumes where it stopped"):
        sweep([str(path), *tiny])
    sweep([str(path), *tiny])
    assert started == [f"--{LR}=0.001", f"--{LR}=0.002", f"--{LR}=0.002"]

    notes = json.loads((FOLDER / "mine/trials.json").read_text())
    found = [json.loads(Path(notes[n], "metrics.json").read_text())["metrics"][METRIC] for n in "01"]
    said = capsys.readouterr().out
    assert f"Best: lr = {0.001 if found[0] >= found[1] else 0.002} ({METRIC} {max(found):.4f}" in said
    assert (FOLDER / "mine/response.png").stat().st_size > 1000
    saved = yaml.safe_load(Path(notes["1"], "config.yaml").read_text())
    assert (saved["model"]["init_args"]["optimizer"]["init_args"]["lr"], saved["seed_everything"]) == (0.002, 7)


def test_a_trial_that_another_sweep_has_made_is_not_made_again(write: Write, trials: list[dict[str, str]]) -> None:
    sweep([str(write())])
    sweep([str(write()), "--name=other"])
    assert len(trials) == 2
    assert json.loads((FOLDER / "other/trials.json").read_text()) == json.loads(
        (FOLDER / "mine/trials.json").read_text()
    )


@pytest.mark.parametrize("method", ["random", "bayes"])
def test_interrupted_or_not_the_trials_are_the_same(method: str, write: Write, trials: list[dict[str, str]]) -> None:
    wanted = read_sweep(write(method=method, parameters=space("log_uniform_values", 1e-4, 1e-1)))
    whole = run_here(wanted, Trials(wanted, []), 6)
    again = read_sweep(wanted.path, "again")
    shutil.rmtree("runs/trunk")
    assert len(run_here(again, Trials(again, []), 2)) == 2
    assert run_here(again, Trials(again, []), 6) == whole
    assert len(trials) == 12
    assert len({trial.result for trial in whole}) == 6
    assert {trial["group"] for trial in trials} == {"mine", "again"}


@pytest.mark.usefixtures("trials")
def test_bayes_finds_a_higher_mean_than_random(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def result(sweep: Sweep, trials: Trials, number: int, values: Mapping[str, Any]) -> SweepTrial:
        return SweepTrial(number, values, values[LR])

    monkeypatch.setattr("experiments.sweeping.local.run_trial", result)
    means = {}
    for method in ("random", "bayes"):
        wanted = read_sweep(write(method=method, parameters=space("uniform", 0.0, 0.4)), method)
        means[method] = sum(trial.result or 0 for trial in run_here(wanted, Trials(wanted, []), 30)) / 30
    assert means["bayes"] > 1.3 * means["random"]  # the metric is the parameter


def test_a_failing_trial_is_recorded_and_the_others_go_on(
    write: Write, trials: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(parameters={LR: {"values": [0.1, 0.9, 0.3]}})
    sweep([str(path), "--trainer.max_epochs=1"])
    said = " ".join(capsys.readouterr().out.split())
    assert "failed: it diverged (runs/trunk/" in said
    assert f"Best: lr = 0.3 ({METRIC} 0.3000, trial 2)" in said
    assert [trial["trainer.max_epochs"] for trial in trials] == ["1"] * 3
    sweep([str(path), "--trainer.max_epochs=1"])
    assert len(trials) == 3


@pytest.mark.usefixtures("trials")
def test_a_sweep_of_failures_fails(write: Write) -> None:
    with pytest.raises(UserError, match=r"all 2 trials failed, the first: it diverged"):
        sweep([str(write(parameters={LR: {"values": [0.7, 0.9]}}))])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test/rank_1/none", "got 'test/rank_1/none'; did you mean 'test/rank1/none'"),
        ("test/rank1/hat", "got 'test/rank1/hat'; did you mean 'test/rank1/"),
        ("val/accuracy", "expected `metric.name` to be a measure of test that trials log, got 'val/accuracy'"),
    ],
)
def test_a_metric_that_no_trial_logs_is_refused_before_the_first(
    name: str, message: str, write: Write, trials: list[dict[str, str]]
) -> None:
    with pytest.raises(UserError, match=message):
        sweep([str(write(metric={"name": name, "goal": "maximize"}))])
    assert not trials


def test_a_metric_that_only_a_trial_can_tell_stops_the_sweep(write: Write, trials: list[dict[str, str]]) -> None:
    wanted = read_sweep(write(metric={"name": "test/eer/non", "goal": "maximize"}))
    with pytest.raises(UserError, match=r"got 'test/eer/non'; did you mean 'test/eer/none'"):
        run_here(wanted, Trials(wanted, []), None)
    assert len(trials) == 1


def test_trials_of_other_data_or_another_configuration_are_another_sweep_s(
    write: Write, trials: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "w.pth"
    weights.write_text("one")
    args = [str(write()), f"--weights={weights}"]
    sweep(args)
    sweep(args)
    assert len(trials) == 2
    weights.write_text("two")
    with pytest.raises(UserError, match=r"a sweep of other settings or data is there; --name=…"):
        sweep(args)
    weights.write_text("one")
    content = merged("trunk_demo") | {"system": "Another"}
    content["trainer"]["max_epochs"] = 7  # as where its file has been edited, or at another scale
    monkeypatch.setattr("experiments.runs.resolution.merged", lambda name: content)
    with pytest.raises(UserError, match=r"a sweep of other settings or data is there; --name=…"):
        sweep(args)
    assert len(trials) == 2


def test_a_parameter_that_stands_twice_is_refused(write: Write) -> None:
    path = write()
    path.write_text(path.read_text() + "method: random\n")
    with pytest.raises(UserError, match="expected every key once, got 'method' again"):
        read_sweep(path)


@pytest.mark.usefixtures("trials")
def test_a_folder_is_for_one_process_and_one_sweep(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.sweeping.local.PATIENCE", 0.0)
    with locked(FOLDER / "mine"), pytest.raises(UserError, match="only process at this sweep"):
        sweep([str(write())])
    sweep([str(write())])
    with pytest.raises(UserError, match=r"a sweep of other settings or data is there; --name=…"):
        sweep([str(write()), "--seed_everything=1"])
    sweep([str(write()), "--seed_everything=1", "--name=other"])
    assert (FOLDER / "other/response.png").exists()


def test_a_sweep_of_a_machine_that_is_gone_is_gone_on_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("experiments.sweeping.local.Lease", partial(Lease, seconds=1.0))
    monkeypatch.setattr("experiments.sweeping.local.LOOKS", 0.1)
    place = FOLDER / "mine/lease"
    place.parent.mkdir(parents=True)
    place.write_text("filelock/2\npid=1\nhost=another-machine\nmode=lease\ntoken=1a\nduration=1.0\n")
    with locked(FOLDER / "mine"):
        assert "another-machine" not in place.read_text()
    assert capsys.readouterr().out.count("another process was at this sweep") == 1


def test_a_request_to_end_interrupts_also_where_ctrl_c_is_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the background of a script
    try:
        with locked(FOLDER / "mine"), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_is_swept_cannot_be_set(write: Write, trials: list[dict[str, str]]) -> None:
    with pytest.raises(UserError, match=f"expected other options than what is swept, got --{LR}=1"):
        sweep([str(write()), f"--{LR}=1"])
    assert not trials


@pytest.mark.usefixtures("trials")
def test_early_termination_is_said_to_be_the_server_s(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    sweep([str(write(early_terminate={"type": "hyperband", "min_iter": 3}))])
    assert "here every trial runs to its end" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methd": "grid"}, "`methd` is not supported; did you mean 'method'?"),
        ({"method": None}, "expected `method`, got none"),
        ({"method": "hyperband"}, "expected `method` to be one of grid, random, bayes, got 'hyperband'"),
        ({"metric": None}, "expected `metric`, got none"),
        ({"metric": {"goal": "maximize"}}, "expected `metric.name`, got none"),
        ({"metric": {"name": "a", "goal": "more"}}, "`metric.goal` to be one of minimize, maximize, got 'more'"),
        ({"metric": {"name": "a", "target": 1}}, "`metric.target` is not supported; supported: name, goal"),
        ({"parameters": {LR: {"value": 1}}}, "expected `parameters` with one of several values at least, got none"),
        ({"parameters": {LR: {"vales": [1]}}}, f"`parameters.{LR}.vales` is not supported; did you mean 'value"),
        ({"parameters": {LR: {"min": 1}}}, f"expected `parameters.{LR}` with value, values, or min and max, got"),
        ({"parameters": {LR: {"values": []}}}, f"expected `parameters.{LR}` with values as categorical takes them"),
        ({"parameters": space("normal", 0, 1)}, f"`parameters.{LR}.distribution` to be one of constant, categorical"),
        ({"parameters": space("uniform", 0, 1, q=2)}, f"`parameters.{LR}.q` is not supported"),
        ({"parameters": space("uniform", 1, 0)}, f"expected `parameters.{LR}` with min, max as uniform takes them"),
        ({"parameters": space("uniform", 0, 1)}, f"parameters.{LR}: expected values, int_uniform or q_uniform in a"),
        ({"command": ["${args_json}"]}, "expected `command` to be one of ${env}, ${interpreter}, ${program}, "),
    ],
)
def test_what_is_not_understood_is_refused_with_file_and_key(
    changes: dict[str, Any], message: str, write: Write
) -> None:
    path = write(**changes)
    with pytest.raises(UserError, match=re.escape(f"{path}: {message}" if message[0] != "`" else message)):
        read_sweep(path)


def test_what_is_quoted_of_a_file_stays_short(write: Write) -> None:
    path = write(command=["${" + 5000 * "9" + "}"])
    with pytest.raises(UserError, match="expected `command` to be one of") as error:
        read_sweep(path)
    assert len(str(error.value)) < 1000


def test_no_number_of_trials(write: Write, trials: list[dict[str, str]]) -> None:
    path = write(method="random", parameters=space("uniform", 0, 1))
    with pytest.raises(UserError, match=r"expected `run_cap`, or --trials N, with method random"):
        sweep([str(path)])
    assert not trials


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", r":1: expected YAML, got a syntax error"),
        ("- 1", ": expected a sweep"),
        (None, ": expected YAML, got No such file"),
        ("a: " + 5000 * "9", ": expected YAML, got ValueError"),
        (5000 * "[", ": expected YAML, got RecursionError"),
    ],
    ids=["syntax", "list", "missing", "digits", "depth"],
)
def test_no_sweep(content: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=f"{path}{message}"):
        read_sweep(path)


def test_a_program_that_is_not_this_suite_s_is_refused(write: Write) -> None:
    with pytest.raises(UserError, match=r"expected `command` with -m experiments.launch or experiments.train"):
        Trials(read_sweep(write(command=None)), [])


@pytest.mark.parametrize(
    ("entry", "axis"),
    [
        ({"values": [1, "top", [2, 3], True, None]}, [1, "top", [2, 3], True, None]),
        ({"min": 2, "max": 5}, [2, 3, 4, 5]),
        ({"distribution": "q_uniform", "min": 0.0, "max": 1.0, "q": 0.25}, [0.0, 0.25, 0.5, 0.75, 1.0]),
    ],
)
def test_a_grid_s_points(entry: dict[str, Any], axis: list[Any], write: Write) -> None:
    wanted = read_sweep(write(parameters={LR: entry, "data.x": {"values": ["a", "b"]}}))
    points = [wanted.values(point) for point in wanted.grid()]
    assert points == [{LR: value, "data.x": letter} for value in axis for letter in ("a", "b")]


@pytest.mark.parametrize(
    ("entry", "low", "high"),
    [
        ({"min": 0.1, "max": 0.2}, 0.1, 0.2),
        ({"distribution": "log_uniform_values", "min": 0.001, "max": 0.1}, 0.001, 0.1),
        ({"distribution": "log_uniform", "min": -2, "max": 0}, 0.1353, 1.0),  # exponents of e
    ],
)
def test_ranges(entry: dict[str, Any], low: float, high: float, write: Write) -> None:
    kind: Any = read_sweep(write(method="random", parameters={LR: entry})).space[LR]
    assert (kind.low, kind.high) == pytest.approx((low, high), abs=1e-4)
    assert kind.log == ("log" in entry.get("distribution", ""))


def test_a_trial_has_the_values_that_w_and_b_s_agent_would_call_it_with(write: Write) -> None:
    parameters = {
        LR: {"values": [0.001]},
        "data.init_args.split.min_images": {"value": 5},
        "model.init_args.network.init_args.trunk.init_args.convolutions": {"value": [1, 1, 1, 1, 1]},
        "trainer.deterministic": {"value": True},
        "trainer.precision": {"value": "bf16-mixed"},
        "trainer.gradient_clip_val": {"value": None},
    }
    wanted = read_sweep(write(parameters=parameters))
    theirs = create_sweep_command_args({"args": parameters | {LR: {"value": 0.001}}})["args"]
    called = RunSpec("trunk_demo", overrides=tuple(word for word in theirs if "None" not in word))
    assert Trials(wanted, []).node({LR: 0.001}).config == resolved(called)


def test_a_sweep_of_trainings_by_their_configuration_alone(write: Write, trials: list[dict[str, str]]) -> None:
    command = ["${env}", "${interpreter}", "-m", "experiments.train", "fit", "--config=baseline_demo", "${args}"]
    sweep([str(write(command=command)), "--trainer.max_epochs=1"])
    assert [trial["trainer.max_epochs"] for trial in trials] == ["1", "1"]
    assert not any("initial_weights" in key for trial in trials for key in trial)
    with pytest.raises(UserError, match=r"with experiments.train fit, got test"):
        sweep([str(write(command=["-m", "experiments.train", "test", "${args}"]))])


def test_with_a_key_the_sweep_is_the_server_s(
    write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[tuple[Any, ...]] = []

    class Api:
        def sweep(self, path: str) -> SimpleNamespace:
            called.append(("found", path))
            config = [{LR: 0.001, "model": {}}, {LR: 0.002}, *[{LR: 0.001}] * 5]
            summary = [{METRIC: value} for value in (0.5, 0.7, math.nan, math.inf, "NaN", 0.99)] + [{}]
            states = ["finished"] * 5 + ["crashed", "failed"]
            runs = zip(config, summary, states, strict=True)
            return SimpleNamespace(runs=[SimpleNamespace(config=c, summary=s, state=t) for c, s, t in runs])

    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_API_KEY", "x")
    monkeypatch.setattr("experiments.cli.logs_online", lambda: True)
    monkeypatch.setattr("experiments.sweeping.trials.rehearsed", lambda spec: None)

    def create(config: Any, **where: Any) -> str:
        called.append(("made", config, where))
        return "abc"

    monkeypatch.setattr(wandb, "sweep", create)
    monkeypatch.setattr(wandb, "agent", lambda sweep_id, **how: called.append(("run", sweep_id, how)))
    monkeypatch.setattr(wandb, "Api", Api)
    path = write()
    sweep([str(path), "--trials=5", "--trainer.max_epochs=1"])

    (_, config, where), *then = called
    file = yaml.safe_load(path.read_text())
    assert config == file | {"name": "mine", "command": [*file["command"], "--trainer.max_epochs=1"]}
    assert where == {"entity": None, "project": "p"}
    assert then == [("run", "abc", where | {"count": 5}), ("found", "p/abc")]
    said = capsys.readouterr().out
    assert "wandb agent p/abc" in said
    assert f"Best: lr = 0.002 ({METRIC} 0.7000, trial 1)" in said
    for reason in ("crashed", "failed", *(f"{METRIC} is {value}" for value in ("nan", "inf", "NaN"))):
        assert f"failed: {reason}" in said
    assert (FOLDER / "mine/response.png").exists()


@pytest.mark.parametrize(
    ("values", "scale", "ticks"),
    [
        ([0.0, 0.1, 1.0, 10.0], "symlog", ["0", "0.1", "1", "10"]),
        ([0.01, 0.1, 1.0], "log", ["0.01", "0.1", "1"]),
        ([0.5, 0.7, 0.9], "linear", None),
        (["top", [2]], "linear", ["[2]", "top"]),
    ],
)
def test_the_curve_s_axis_fits_the_values(
    values: list[Any], scale: str, ticks: list[str] | None, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: drawn.append(self))
    wanted: Sweep = read_sweep(write(parameters={LR: {"values": values}}))
    draw_response(wanted, [SweepTrial(i, {LR: v}, 0.1 * i) for i, v in enumerate(values)], Path("response.png"))
    (axes,) = drawn[0].axes
    assert (axes.get_xscale(), axes.get_xlabel(), axes.get_ylabel()) == (scale, "lr", METRIC)
    if ticks is not None:
        assert [label.get_text() for label in axes.get_xticklabels()] == ticks
    best = axes.lines[-1]
    assert np.asarray(best.get_xydata())[:, 1] == pytest.approx([0.1 * (len(values) - 1)])

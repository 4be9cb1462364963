"""Runs whose classes are shared out over processes are those of one process, and resume on any number of them."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.cli import run
from experiments.evaluation.trained_module import load_trained
from experiments.export import export
from lightning_modules.networks import fingerprint, read_state_dict
from lightning_modules.networks.class_parallel import put_together
from tests.experiments.conftest import Options
from tests.helpers.processes import ROOT, run_module, run_module_in
from tests.helpers.run_measures import history, metrics

NETWORK = "--model.init_args.network.init_args"
HEAD = "{class_path: lightning_modules.networks.VGG16Head, init_args: {embedding_dim: 32, dropout: 0}}"
MARGIN = "{class_path: lightning_modules.networks.ArcFaceHead, init_args: {scale: 8}}"
SGD = "{class_path: torch.optim.SGD, init_args: {lr: 0.01, momentum: 0.9, weight_decay: 0.001}}"
PLAIN = [
    f"{NETWORK}.trunk.init_args.batch_norm=false",
    f"{NETWORK}.head={HEAD}",
    f"--model.init_args.optimizer={SGD}",
    "--model.class_parallel=true",
    "--trainer.gradient_clip_val=1.0",
    "--data.init_args.split.num_unseen=2",
    "--trainer.max_epochs=2",
]
"""Without batch normalisation, which no CPU can synchronise."""


KILLED = "--trainer.callbacks+=tests.helpers.killer.Killer"


def processes(number: int, faces: int = 6) -> Options:
    """Return the options of so many processes, which together have batches of so many faces."""
    return [
        f"--trainer.devices={number}",
        f"--trainer.strategy={'ddp' if number > 1 else 'auto'}",
        f"--data.init_args.loading.batch_size={faces // number}",
    ]


@pytest.fixture
def trained(tiny: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that trains on so many processes, in a folder of that name: the run's, or errors."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)

    def train(name: str, number: int, *more: str, system: str = "baseline", status: int = 0, says: bool = False) -> Any:
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        options = ["fit", f"--config={system}_demo", *tiny, *PLAIN, *processes(number), *more]
        if number == 1 and status == 0:
            run(options)
        else:
            said = run_module_in(number, "experiments.train", *options, status=status)
            if says:
                return [line for text in said for line in text.splitlines() if line.startswith("error: ")]
        return folder / f"runs/{system}_demo/version_0"

    return train


def check_same(one: Path, other: Path, tolerance: float) -> None:
    assert history(other) == {key: pytest.approx(values, rel=tolerance) for key, values in history(one).items()}
    assert metrics(other) == pytest.approx(metrics(one), abs=1e-6)
    weights = [read_state_dict(folder / "checkpoints/last.ckpt") for folder in (one, other)]
    torch.testing.assert_close(weights[1], weights[0], rtol=0, atol=tolerance)


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [["--trainer.accumulate_grad_batches=3"], [f"--model.init_args.margin_head={MARGIN}"]],
    ids=["linear, accumulated", "arcface"],
)
def test_two_and_three_processes_train_as_one(more: Options, trained: Callable[..., Path]) -> None:
    exact = [*more, "--trainer.precision=64-true"]
    one = trained("one", 1, *exact)
    assert len(metrics(one)) > 5
    for number in (2, 3):
        check_same(one, trained(str(number), number, *exact), 1e-9)


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_train_a_soidn_as_one(trained: Callable[..., Path]) -> None:
    options = [f"{NETWORK}.segmenter.init_args.batch_norm=false", "--trainer.precision=64-true"]
    one, two = (trained(str(number), number, *options, system="soidn") for number in (1, 2))
    check_same(one, two, 1e-9)


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_train_in_half_precision_nearly_as_one(trained: Callable[..., Path]) -> None:
    options = ["--trainer.precision=bf16-mixed", f"--model.init_args.margin_head={MARGIN}", "--evaluate=false"]
    one, two = (history(trained(str(number), number, *options)) for number in (1, 2))
    assert two["train/loss"] == pytest.approx(one["train/loss"], rel=0.01)


def resumable(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Return weights and momenta of a run's last checkpoint, whole."""
    path = folder / "checkpoints/last.ckpt"
    content = torch.load(path, weights_only=True)
    put_together(content, path.parent)
    state = content["optimizer_states"][0]["state"]
    return {
        "weights": content["state_dict"],
        "momenta": {str(number): one["momentum_buffer"] for number, one in state.items()},
    }


@pytest.mark.ddp
@pytest.mark.slow
def test_what_is_killed_resumes_on_another_number_of_processes(trained: Callable[..., Path]) -> None:
    options = [f"--model.init_args.margin_head={MARGIN}", "--data.init_args.loading.evaluation_batch_size=16"]
    expected = resumable(trained("undisturbed", 2, *options))
    for before, after in ((2, 3), (3, 2), (2, 1), (1, 2)):
        left = trained(f"killed{before}{after}", before, *options, KILLED, status=-signal.SIGKILL)
        assert bool(list((left / "checkpoints").glob("last.ckpt.shards/*"))) is (before > 1)
        resumed = trained(f"{before}{after}", after, *options, f"--ckpt_path={left}/checkpoints/last.ckpt")
        found = resumable(resumed)
        assert found["momenta"].keys() == expected["momenta"].keys()
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.ddp
@pytest.mark.slow
def test_a_killed_run_on_sampled_classes_resumes_as_if_it_had_not_been(trained: Callable[..., Path]) -> None:
    options = ["--model.sampling_rate=0.5", f"--model.init_args.margin_head={MARGIN}"]
    expected = resumable(trained("undisturbed", 2, *options))
    left = trained("killed", 2, *options, KILLED, status=-signal.SIGKILL)
    found = resumable(trained("resumed", 2, *options, f"--ckpt_path={left}/checkpoints/last.ckpt"))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


MORE_FACES = [
    "--data.init_args.source.init_args.images_per_identity=8",
    "--data.init_args.split.validation_share=0.5",
    "--trainer.max_epochs=1",
]
MAPS = "--trainer.callbacks+={{class_path: callbacks.{}, init_args: {{occluder_sizes: [[16, 16]], stride: 16{}}}}}"


@pytest.mark.ddp
@pytest.mark.slow
def test_what_reads_weights_reads_those_of_several_processes(
    trained: Callable[..., Any], tiny: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    margin = f"--model.init_args.margin_head={MARGIN}"
    # its maps hold the digits of all weights, which all processes find together
    folder = trained("left", 2, margin, MAPS.format("VerificationMapping", ", threshold: 0"), *MORE_FACES)
    path = folder / "checkpoints/last.ckpt"
    weights = read_state_dict(path)
    assert weights["classifier.1.margin_loss.W"].shape == (32, 6)
    built = load_trained(str(path)).module
    torch.testing.assert_close(dict(built.state_dict()), weights, rtol=0, atol=0)
    (made,) = folder.rglob("occlusion_maps/*.npz")
    assert OcclusionMap.load(made).model == fingerprint(weights)
    export(["--checkpoint", str(path), "--out", str(tmp_path / "exported")])
    assert (tmp_path / "exported/model.onnx").exists()
    # one process measures what several did, and maps it
    monkeypatch.chdir(tmp_path)
    for stage, maps in (("validate", [MAPS.format("OcclusionMapping", "")]), ("test", [])):
        alone = [*tiny, *PLAIN, *processes(1), margin, *MORE_FACES, f"--ckpt_path={path}"]
        run([stage, "--config=baseline_demo", *alone, *maps])
    validated, tested = (tmp_path / f"runs/baseline_demo/version_{number}" for number in range(2))
    for name in ("val/loss", "val/accuracy"):
        assert history(validated)[name] == pytest.approx(history(folder)[name], rel=1e-5)
    assert OcclusionMap.load(validated / "occlusion_maps/scoring-16x16.npz").model == fingerprint(weights)
    assert metrics(tested) == pytest.approx(metrics(folder), abs=1e-5)
    more = [f"--model.init_args.initial_weights={path}", "--model.init_args.continue_classifier=true"]
    trained("continued", 1, margin, *more, "--trainer.max_epochs=1")
    # no process of several has all scores: the checkpoint's maps are made by one
    lines: list[str] = trained("refused", 2, margin, MAPS.format("OcclusionMapping", ""), status=1, says=True)
    assert lines == ["error: Expected a classifier that one process has, got one over 2 (`class_parallel`)"] * 2


@pytest.mark.ddp
@pytest.mark.slow
def test_more_processes_than_classes_are_refused_before_they_are_started(
    tiny: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    said = run_module("experiments.train", "fit", "--config=baseline_demo", *tiny, *PLAIN, *processes(4, 8), status=1)
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert line == "error: Expected classes for each of 4 processes with `class_parallel`, got 6 classes, 2 a process"

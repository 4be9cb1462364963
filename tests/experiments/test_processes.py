"""Two processes train, validate and test as one: no face is lost, none counted twice."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from experiments.cli import run
from tests.experiments.conftest import Options
from tests.helpers.processes import ROOT, run_module, run_module_in_two
from tests.helpers.run_measures import history, metrics

TWO = ["--trainer.devices=2", "--trainer.strategy=ddp"]
NETWORK = "--model.init_args.network.init_args"
HEAD = "{class_path: lightning_modules.networks.VGG16Head, init_args: {embedding_dim: 32, dropout: 0}}"
PLAIN = {
    "baseline": [f"{NETWORK}.trunk.init_args.batch_norm=false", f"{NETWORK}.head={HEAD}"],
    "soidn": [
        *(f"{NETWORK}.{part}.init_args.batch_norm=false" for part in ("trunk", "segmenter")),
        f"{NETWORK}.head={HEAD}",
    ],
}
"""Without batch normalisation, which no CPU can synchronise."""
SGD = "--model.init_args.optimizer={class_path: torch.optim.SGD, init_args: {lr: 0.01, momentum: 0.9}}"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Return a function that goes to an empty folder, where other processes find the suite and start like the first."""

    def go() -> Path:
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
        return folder

    return go


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize("system", PLAIN)
def test_two_processes_come_to_the_metrics_of_one(
    system: str, tiny: Options, tmp_path: Path, elsewhere: Callable[[], Path]
) -> None:
    # in float64, where all that rounding does lies far below what is compared: the sum of two means of 2 images is
    # not, to the last bit, that of 4
    config = [f"--config={system}_demo", *tiny, *PLAIN[system], SGD, "--trainer.precision=64-true"]
    options = [*config, "--data.init_args.split.num_unseen=2", "--trainer.max_epochs=2"]
    run(["fit", *options, "--data.init_args.loading.batch_size=4"])
    folders = tmp_path, elsewhere()
    run_module_in_two("experiments.train", "fit", *options, "--data.init_args.loading.batch_size=2", *TWO)
    one, two = (folder / f"runs/{system}_demo/version_0" for folder in folders)
    assert len(metrics(one)) > 20
    assert metrics(two) == pytest.approx(metrics(one), abs=1e-6)  # what they are rounded to
    assert history(one)["step"][-1] == history(two)["step"][-1] == 8
    assert history(two) == {key: pytest.approx(values, rel=1e-9) for key, values in history(one).items()}
    weights = [torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"] for folder in (one, two)]
    torch.testing.assert_close(weights[1], weights[0], rtol=0, atol=1e-10)


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_measure_what_one_does(tiny: Options, tmp_path: Path, elsewhere: Callable[[], Path]) -> None:
    # 3 people × 3 images × 7 conditions = 63 faces: two processes repeat one
    options = ["--config=soidn_demo", *tiny, "--data.init_args.split.images_per_unseen=3"]
    run(["fit", *options])
    one, two = tmp_path / "runs/soidn_demo/version_0", elsewhere() / "runs/soidn_demo/version_0"
    run_module("experiments.train", "test", *options, f"--ckpt_path={one}/checkpoints/last.ckpt", *TWO)
    assert metrics(two) == pytest.approx(metrics(one), abs=1e-6)


@pytest.mark.ddp
@pytest.mark.slow
def test_batch_normalisation_over_processes_is_refused_on_a_cpu(tiny: Options, elsewhere: Callable[[], Path]) -> None:
    elsewhere()
    said = run_module("experiments.train", "fit", "--config=baseline_demo", *tiny, *TWO, status=1)
    (line,) = {line for line in said.splitlines() if line.startswith("error: ")}
    assert line.startswith("error: Expected GPUs with `trainer.sync_batchnorm`")


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_train_a_soidn_by_triplets(tiny: Options, elsewhere: Callable[[], Path]) -> None:
    folder = elsewhere()
    options = [
        "--config=soidn_demo",
        *tiny,
        *PLAIN["soidn"],
        "--model.class_path=lightning_modules.TripletModule",
        "--data.init_args.identity_batches={identities: 4, images: 2}",
        "--trainer.callbacks={class_path: pytorch_lightning.callbacks.ModelCheckpoint, init_args: {filename: last}}",
        "--evaluate=false",
        "--trainer.max_epochs=3",  # the second step waits for what the first has left without gradient
    ]
    run_module_in_two("experiments.train", "fit", *options, *TWO)
    assert (folder / "runs/soidn_demo/version_0/checkpoints/last.ckpt").exists()

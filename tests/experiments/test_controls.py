"""Rows without a mask: each trains as the table declares it, is evaluated, loaded again and resumed as Baseline is."""

import math
from pathlib import Path

import pytest
import torch

from experiments.cli import run
from experiments.evaluation.trained_module import load_trained
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_file import load, papers
from experiments.runs.spec import words_of
from tests.experiments.conftest import Options

CONTROLS = ("erasing", "erasing_templates", "distillation", "curriculum", "dropblock", "patterns")
IMAGES = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def table() -> Paper:
    return load(papers()["segmentation_that_pays"])


@pytest.fixture
def trunk(tiny: Options) -> str:
    """A trunk trained on clean faces, with its head."""
    fitted = run(["fit", "--config=trunk_demo", *tiny, "--evaluate=false"])
    return f"--model.init_args.initial_weights={fitted.trainer.log_dir}/checkpoints/last.ckpt"


def options_of(table: Paper, key: str) -> Options:
    row = table.resolved(key, "demo")
    return [f"--config={row.system}_demo", *words_of(row.changes)]


@pytest.mark.slow
@pytest.mark.parametrize("key", CONTROLS)
def test_a_row_is_trained_evaluated_and_loaded_again(key: str, table: Paper, trunk: str, tiny: Options) -> None:
    fitted = run(["fit", *options_of(table, key), *tiny, trunk])
    measures = {name: float(value) for name, value in fitted.trainer.callback_metrics.items()}
    assert "test/rank1/occluded" in measures
    assert all(math.isfinite(value) for value in measures.values())
    trained = load_trained(f"{fitted.trainer.log_dir}/checkpoints/last.ckpt").module
    torch.testing.assert_close(trained(IMAGES), fitted.model.eval()(IMAGES))


@pytest.mark.slow
@pytest.mark.parametrize("key", ["distillation", "curriculum", "dropblock"])
def test_a_resumed_run_ends_with_the_weights_of_an_undisturbed_one(
    key: str, table: Paper, trunk: str, tiny: Options
) -> None:
    steady = ["--model.init_args.lr_schedule=null", "--evaluate=false"]  # a schedule would see other lengths
    options = ["fit", *options_of(table, key), *tiny, trunk, *steady]
    whole = run([*options, "--trainer.max_epochs=2"]).model.state_dict()
    first = run(options)
    checkpoint = f"--ckpt_path={first.trainer.log_dir}/checkpoints/last.ckpt"
    resumed = run([*options, "--trainer.max_epochs=2", checkpoint]).model.state_dict()
    assert Path(str(first.trainer.log_dir)).exists()
    assert all(torch.equal(whole[name], tensor) for name, tensor in resumed.items())


def test_every_row_has_a_margin_and_starts_from_the_same_trunk(table: Paper) -> None:
    for scale in table.scales:
        for key in table.rows:
            row = table.resolved(key, scale)
            assert row.changes["model.init_args.margin_head"]["class_path"].endswith("ArcFaceHead"), key
            assert row.starts_from == ("${weights}" if key == "trunk" else "trunk"), key


def test_seeds_that_settings_were_chosen_on_are_not_reported(table: Paper) -> None:
    assert len(table.seeds) == 5
    assert not {0, 100} & set(table.seeds)


def test_a_mask_is_compared_with_every_control(table: Paper) -> None:
    controls = {"baseline_longer", "erasing_longer", *CONTROLS[1:]}
    for mask in ("soidn", "soidn_shared"):
        others = {other for part in table.comparisons[:2] for one, other in part.pairs if one == mask}
        assert others >= controls | {f"{mask}_lambda_0"}

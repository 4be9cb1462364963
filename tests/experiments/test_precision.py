"""Every system trains and is evaluated in mixed precision."""

from pathlib import Path

import pytest
import torch

from experiments.cli import run
from experiments.runs.layers import SYSTEMS
from tests.experiments.conftest import Options
from tests.helpers.finite_runs import check_finite
from tests.helpers.system_groups import FINE_TUNED, OCCLUDED

FEW_PEOPLE = ["--data.init_args.identity_batches={identities: 4, images: 2}"]  # the demo's batches hold more


@pytest.mark.parametrize("system", [name for name in SYSTEMS if name not in OCCLUDED])  # which start from model A
def test_losses_and_measures_are_finite_in_bfloat16(system: str, tiny: Options) -> None:
    options = [*tiny, *(FEW_PEOPLE if system in FINE_TUNED else []), "--trainer.precision=bf16-mixed"]
    without_summary = "--trainer.enable_model_summary=false"  # it warns that it counts bytes in float32
    trained = run(["fit", f"--config={system}_demo", *options, without_summary])
    folder = Path(str(trained.trainer.log_dir))
    check_finite(folder)
    assert all(weight.dtype == torch.float32 for weight in trained.model.parameters())

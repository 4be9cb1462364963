"""Every system trains and is evaluated on a GPU, in mixed precision, with all that its configuration has."""

from pathlib import Path

import pytest
import torch

from experiments.cli import run
from tests.experiments.conftest import Options
from tests.helpers.finite_runs import check_finite

pytestmark = pytest.mark.gpu
FEW_PEOPLE = ["--data.init_args.identity_batches={identities: 4, images: 2}"]  # the demo's batches hold more
ON_GPU = ["--trainer.accelerator=gpu", "--trainer.precision=bf16-mixed", "--trainer.enable_model_summary=false"]


@pytest.mark.parametrize("system", ["soidn", "baseline", "model_a", "batch_triplet"])
def test_losses_and_measures_are_finite_on_a_gpu(system: str, tiny: Options, cuda: torch.device) -> None:
    options = [*tiny, *(FEW_PEOPLE if system == "batch_triplet" else []), *ON_GPU]
    trained = run(["fit", f"--config={system}_demo", *options])
    folder = Path(str(trained.trainer.log_dir))
    assert trained.trainer.strategy.root_device.type == cuda.type
    check_finite(folder)
    assert list((folder / "checkpoints").glob("*.ckpt"))

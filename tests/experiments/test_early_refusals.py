"""Help and refusals come before the libraries that take seconds to load: each in a fresh process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("pytorch_lightning", "torchmetrics", "albumentations", "timm", "segmentation_models_pytorch", "wandb")
CODE = """
import runpy, sys
del sys.argv[0]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    print(*(name for name in {heavy} if name in sys.modules), file=sys.stderr)
"""


def answer(*command: str) -> tuple[int, str, str]:
    """Return exit status, what a command says, and the heavy libraries that it has loaded for it."""
    words = [sys.executable, "-c", CODE.format(heavy=HEAVY), *command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)  # noqa: S603  our own
    *said, loaded = done.stderr.splitlines()
    return done.returncode, "\n".join([*said, done.stdout]), loaded


@pytest.mark.parametrize("command", ["align", "evaluate", "launch", "make_lfw_occ", "reproduce", "sweep", "train"])
def test_help_is_there_at_once(command: str) -> None:
    status, said, loaded = answer(f"experiments.{command}", "--help")
    assert f"python -m experiments.{command}" in said
    assert (status, loaded) == (0, "")


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("launch soidn --misspelt", "unrecognized arguments: --misspelt"),
        ("launch soidn --trainer.max_epoch=3", "did you mean 'trainer.max_epochs'?"),
        ("launch soidn --data.init_args.num_unsen=3", "did you mean 'split.num_unseen'?"),
        ("launch soidn --data.init_args.split.num_unsen=3", "did you mean 'split.num_unseen'?"),
        ("launch soidn --scale=huge", "argument --scale: invalid choice: 'huge' (choose from 'demo', 'paper')"),
        ("launch sodin", "argument system: invalid choice: 'sodin'"),
        ("launch soidn --data=nowhere", "nowhere: expected a folder"),
        ("launch soidn --weights=nowhere.pth", "Expected a weights file at nowhere.pth, got no such file"),
        ("train fitt", "argument subcommand: invalid choice: 'fitt'"),
        ("train fit --config=nowhere.yaml", "Expected --config as a file or the name of a configuration"),
        ("train fit --config=soidn_demo --misspelt=1", "unrecognized arguments: --misspelt=1"),
        ("sweep experiments/sweeps/lambda.yaml --misspelt=1", "unrecognized arguments: --misspelt=1"),
        ("sweep nowhere.yaml", "nowhere.yaml: expected"),
        ("reproduce soidn --misspelt=1", "unrecognized arguments: --misspelt=1"),
        ("reproduce nowhere.yaml", "nowhere.yaml"),
        ("evaluate --protocl=lfw --checkpoint=a.ckpt", "the following arguments are required: --protocol"),
        ("align --images=.", "the following arguments are required: --out"),
        ("make_lfw_occ --root=.", "the following arguments are required: --pairs"),
    ],
)
def test_what_is_wrong_is_said_at_once(words: str, refusal: str) -> None:
    command, *options = words.split()
    status, said, loaded = answer(f"experiments.{command}", *options)
    assert refusal in said
    assert (status, loaded) == (1, "")

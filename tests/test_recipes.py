"""The recipes of CONTRIBUTING.md run as they are written: their files, and their commands with tiny options."""

import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from experiments.cli import run
from experiments.evaluate import evaluate
from experiments.launch import planned
from experiments.reproduce import reproduce
from experiments.runs.rehearsal import rehearsed

ROOT = Path(__file__).parent.parent
TINY = {"num_identities": 8, "images_per_identity": 4, "num_workers": 0, "cache_dir": "faces"}
SHORT = [
    "--trainer.max_epochs=1",
    "--trainer.log_every_n_steps=1",
    "--trainer.accelerator=cpu",
    "--evaluate=false",
    "--data.init_args.loading.batch_size=8",
    "--data.init_args.split.num_unseen=3",
    "--data.init_args.split.min_images=4",
    *(f"--data.init_args.source.init_args.{key}={value}" for key, value in TINY.items()),
]
WHAT_IS_BUILT = {"an occluder": "EyeBar", "a loss": "DiceLoss", "a network": "StridedTrunk"}


def recipe(title: str) -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.partition(f"### Add {title}\n")[2].partition("\n##")[0]


def block(text: str, language: str) -> str:
    (found,) = re.findall(rf"^   ```{language}\n(.*?)^   ```$", text, re.DOTALL | re.MULTILINE)
    return textwrap.dedent(found)


@pytest.fixture
def command(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write the recipe's two files into an empty directory; return its command's words."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    torch.set_num_threads(1)
    text = recipe(request.param)
    code, settings = re.findall(r"^\d\. `(\w+\.(?:py|yaml))`", text, re.MULTILINE)
    Path(code).write_text(block(text, "python"))
    Path(settings).write_text(block(text, "yaml"))
    monkeypatch.delitem(sys.modules, Path(code).stem, raising=False)
    return shlex.split(block(text, "sh"))


@pytest.mark.parametrize("command", WHAT_IS_BUILT, indirect=True)
def test_trains(command: list[str], request: pytest.FixtureRequest) -> None:
    assert command[:4] == ["python", "-m", "experiments.train", "fit"]
    cli = run([*command[3:], *SHORT])
    assert cli.trainer.global_step > 0
    network = cli.model.network
    built = (cli.model.segmentation_loss, network.trunk, *cli.datamodule.training_occluder._occluders.values())
    title = request.node.callspec.params["command"]
    assert WHAT_IS_BUILT[title] in {type(part).__name__ for part in built}


@pytest.mark.parametrize("system", ["soidn", "model_a_strategic"])
@pytest.mark.parametrize("command", WHAT_IS_BUILT, indirect=True)
def test_can_be_launched(command: list[str], system: str, request: pytest.FixtureRequest) -> None:
    options = [option for option in SHORT if not option.startswith("--evaluate")]
    if system == "soidn" or request.node.callspec.params["command"] == "an occluder":
        rehearsed(planned([system, *options, f"--config={command[-1]}"])[1].spec)


@pytest.mark.parametrize("command", ["a protocol"], indirect=True)
def test_evaluates(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command[:3] == ["python", "-m", "experiments.evaluate"]
    Path("net.yaml").write_text(
        "{class_path: lightning_modules.extractors.TimmExtractor, init_args: {model_name: resnet10t, image_size: 32}}"
    )
    model = command.index("--checkpoint")
    words = [*command[3:model], "--extractor", "net.yaml", *command[model + 2 :]]
    settings = Path("first_and_last.yaml")
    settings.write_text(settings.read_text().replace("identities: 100", "identities: 10"))
    evaluate([*words, "--accelerator=cpu", "--no-figures"])
    assert "first and last" in capsys.readouterr().out


ONE_MORE = """
import pytest
from datamodules.protocols.lfw_occ.pair_occluder import PairOccluder
from experiments.measures import evaluated_conditions, protocol_names
from experiments.runs.layers import default_mixture, merged


def test_eye_patch() -> None:
    assert "eye_patch" in default_mixture()
    assert "eye_patch" in evaluated_conditions(merged("soidn_demo")["data"])
    assert "eye_patch" not in {name.split("/")[1] for name in protocol_names()["lfw_occ"]}
    with pytest.raises(ValueError, match="'eye_patch', of which LFW-occ has no frozen instances"):
        PairOccluder("eye_patch")
"""


@pytest.mark.slow
def test_a_category_is_one_file_and_a_line_in_registry_and_mixture(tmp_path: Path) -> None:
    for room in ("losses", "datamodules", "lightning_modules", "callbacks", "experiments", "tests"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    text = recipe("a category of occluders")
    (tmp_path / "datamodules/occluders/drawn/eye_patch.py").write_text(block(text, "python"))
    for change in block(text, "diff").split("+++ ")[1:]:
        file = tmp_path / change.partition("\n")[0]
        for before, added in re.findall(r"^ (.*)\n\+(.*)$", change, re.MULTILINE):
            assert file.read_text().count(f"\n{before}\n") == 1
            file.write_text(file.read_text().replace(f"\n{before}\n", f"\n{before}\n{added}\n"))
    (tmp_path / "tests/test_one_more.py").write_text(ONE_MORE)
    tests = ["tests/test_one_more.py", "tests/datamodules/occluders/test_drawn.py"]
    words = [sys.executable, "-m", "pytest", "-q", "-k", "eye_patch or shared", *tests]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(re.findall(r"\.", ran.stdout.splitlines()[0])) == 7, ran.stdout


def test_a_table_row_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = recipe("a table row")
    Path("half.yaml").write_text(block(text, "yaml"))
    words = shlex.split(block(text, "sh"))
    assert words[:3] == ["python", "-m", "experiments.reproduce"]
    reproduce([*words[3:], "--dry-run"])
    shown = capsys.readouterr().out
    assert shown.count("experiments.train fit") == 12  # the trunk and three rows, three seeds
    assert shown.count("--model.init_args.segmentation_weight=0.5") == 3


def test_every_recipe_is_run() -> None:
    titles = re.findall(r"^### Add (.*)$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert titles == ["an occluder", "a category of occluders", "a loss", "a network", "a protocol", "a table row"]
    assert set(WHAT_IS_BUILT) < set(titles)

"""What is wrong with a command line is one line on stderr and exit status 1, before anything is trained or written."""

import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer

from experiments.align import align
from experiments.cli import UserError, main, parse, run
from experiments.evaluate import evaluate
from experiments.front_figure import front_figure
from experiments.launch import launch
from experiments.make_lfw_occ import make_lfw_occ
from experiments.reproduce import reproduce
from experiments.runs.layers import CONFIGS
from experiments.sweep import sweep
from tests.experiments.conftest import Options

SWEEP = str(CONFIGS.parent / "sweeps/lambda.yaml")
NETWORK = "--model.init_args.network.init_args"
OCCLUDER = "--data.init_args.training_occluder.init_args"
FEW = "--data.init_args.identity_batches={identities: 2, images: 2}"
CSV = "--trainer.logger={class_path: pytorch_lightning.loggers.CSVLogger, init_args: {save_dir: a_file/runs}}"
LFW = ["--root=folder.yaml", "--pairs=a_file"]
FILES: dict[str, bytes] = {
    "a_file": b"",
    "tab.yaml": b"trainer:\n\tmax_epochs: 3\n",
    "empty.yaml": b"",
    "list.yaml": b"- a\n",
    "twice.yaml": b"trainer: {max_epochs: 1}\nsystem: A\ntrainer: {max_epochs: 2}\n",
    "latin.yaml": "system: Modèle\n".encode("latin-1"),
    "broken.py": b"import no_such_module\n",
    "faulty.py": b"from torch import nn\n\nclass Trunk(nn.Module):\n    def __init__(self) -> None:\n        1 / 0\n",
}

Refusal = Callable[..., str]


@pytest.fixture(autouse=True)
def files(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(alone)
    for name, content in FILES.items():
        (alone / name).write_bytes(content)
    (alone / "folder.yaml").mkdir()
    for module in ("broken", "faulty"):
        monkeypatch.delitem(sys.modules, module, raising=False)


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, alone: Path) -> Iterator[Refusal]:
    """Run a command line that must fail before it trains; return its one line without ``error: ``."""
    monkeypatch.setattr(Trainer, "_run_stage", lambda self: pytest.fail("something was run"))
    monkeypatch.setattr("tempfile.tempdir", str(alone))

    def refuse(command: Callable[[Options], object], *args: str) -> str:
        with pytest.raises(SystemExit) as stop:
            main(command, args)
        assert stop.value.code == 1
        said = capsys.readouterr().err.splitlines()
        (line,) = [line for line in said if not line.startswith("wandb: ")]
        assert line.startswith("error: ")
        return line.removeprefix("error: ")

    yield refuse
    names = {path.name for path in alone.iterdir()}
    # W&B makes two folders for itself when it is first imported
    written = {name for name in names if not name.startswith("traceback-") and "wandb-" not in name}
    assert written <= {*FILES, "folder.yaml", "__pycache__", "runs"}
    assert not list(alone.rglob("*.ckpt"))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--config=tab.yaml", "tab.yaml:2: expected YAML, got a syntax error: found character"),
        ("--config=soidn_dmo", "as a file or the name of a configuration, got 'soidn_dmo'; did you mean 'soidn_demo'?"),
        ("--config=folder.yaml", "folder.yaml: expected YAML, got Is a directory"),
        ("--config=empty.yaml", "empty.yaml: expected a configuration of keys and values, got an empty file"),
        ("--config=list.yaml", "list.yaml: expected a configuration of keys and values, got a list"),
        ("--config=twice.yaml", "twice.yaml:3: expected every key once, got 'trainer' again"),
        ("--config=latin.yaml", "latin.yaml: expected YAML, got unreadable characters"),
        ("--trainer.max_epochs=0", "`trainer.max_epochs` other than 0, which trains nothing"),
        ("--trainer.max_time=00:00:00:00", "`trainer.max_time` above 0, which trains nothing, got 0"),
        ("--trainer.max_time={minutes: 0}", "`trainer.max_time` above 0, which trains nothing, got "),
        ("--trainer.min_epochs=100000", "Expected `trainer.min_epochs` of at most `trainer.max_epochs`, "),
        ("--trainer.num_sanity_val_steps=-2", "`trainer.num_sanity_val_steps` of at least -1, got -2"),
        ("--trainer.devices=a", "Expected `trainer.devices` as their number, their indices or auto, got a"),
        ("--trainer.devices=0", "Expected `trainer.devices` as their number, their indices or auto, got 0"),
        ("--trainer.devices=-3", "Expected `trainer.devices` as their number, their indices or auto, got -3"),
        ("--system=", "Expected a name as `system`, got an empty one"),
        ("--ckpt_path=best", "Expected a file as `ckpt_path`, got 'best'"),
        ("--ckpt_path=hpc", "Expected a checkpoint hpc_ckpt_….ckpt in . for `ckpt_path` 'hpc', got none"),
        ("--trainer.max_epochs=ten", "Parser key \"trainer.max_epochs\": Expected a <class 'int'>"),
        ("--trainer.accumulate_grad_batches=0", "`trainer.accumulate_grad_batches` of at least 1, got 0"),
        ("--trainer.check_val_every_n_epoch=0", "`trainer.check_val_every_n_epoch` of at least 1, got 0"),
        ("--trainer.val_check_interval=0", "`trainer.val_check_interval` above 0, got 0"),
        ("--trainer.gradient_clip_val=-1", "`trainer.gradient_clip_val` of at least 0, got -1"),
        ("--trainer.gradient_clip_val=.nan", "Expected a number as `trainer.gradient_clip_val`, got nan"),
        ("--trainer.precision=bf16-foo", 'Parser key "trainer.precision"'),
        ("--trainer.callbacks+=nope.Nope", "No module named 'nope'"),
        ("--seed_everything=-1", "`seed_everything` as a whole number from 0 to 4294967295, got -1"),
        ("--seed_everything=1.5", 'Parser key "seed_everything"'),
        ("--seed_everything=true", "Expected a <class 'int'>. Got value: True"),
        ("--data.init_args.seed=3", "Expected --seed_everything, from which `data.init_args.seed` is taken"),
        ("--model.init_args.optimizer=torch.optim.Adm", "'torch.optim' has no attribute 'Adm'"),
        (
            "--model.init_args.optimizer.init_args.lr=.nan",
            "a number as `model.init_args.optimizer.init_args.lr`, got nan",
        ),
        ("--model.init_args.optimizer.init_args.weight_decay=.nan", "optimizer.init_args.weight_decay`, got nan"),
        ("--model.init_args.segmentation_weight=.nan", "a number as `model.init_args.segmentation_weight`, got nan"),
        ("--model.init_args.lr_schedule.init_args.warmup_share=.nan", "init_args.warmup_share`, got nan"),
        (f"{NETWORK}.mask_bias=.nan", "network.init_args.mask_bias`, got nan"),
        (f"{NETWORK}.trunk.init_args.width=.inf", "trunk.init_args.width`, got inf"),
        (f"{OCCLUDER}.jitter=.nan", "training_occluder.init_args.jitter`, got nan"),
        (f"{NETWORK}.trunk=broken.Trunk", "No module named 'no_such_module'"),
    ],
)
def test_of_what_is_read(refusal: Refusal, option: str, message: str) -> None:
    line = refusal(run, "fit", "--config=soidn_demo", option)
    assert message in line
    assert "(traceback: " not in line


@pytest.mark.parametrize(
    "lacks", ["loops", "loops.fit_loop", "optimizer_states", "pytorch-lightning_version", "all but weights"]
)
def test_of_weights_alone_that_a_training_cannot_go_on_from(refusal: Refusal, alone: Path, lacks: str) -> None:
    weights = {"network.bias": torch.zeros(2)}
    whole: dict[str, object] = {
        "state_dict": weights,
        "pytorch-lightning_version": "2.5",
        "loops": {"fit_loop": {} if lacks == "loops.fit_loop" else {"state_dict": {}}},
        "optimizer_states": [] if lacks == "optimizer_states" else [{"state": {}}],
    }
    whole = {key: value for key, value in whole.items() if key != lacks or key == "optimizer_states"}
    path = alone / "runs/weights.pt"
    path.parent.mkdir()
    torch.save(weights if lacks == "all but weights" else whole, path)
    line = refusal(run, "fit", "--config=soidn_demo", f"--ckpt_path={path}")
    assert "which holds weights alone: --model.init_args.initial_weights=" in line
    assert "(traceback: " not in line


@pytest.mark.parametrize(
    ("system", "options", "message"),
    [
        ("soidn", ["--trainer.max_epochs=-5"], "`max_epochs` must be a non-negative integer or -1. You passed in -5"),
        ("trunk", ["--trainer.strategy=nonsense"], "You selected an invalid strategy name: `strategy='nonsense'`"),
        ("trunk", ["--trainer.accelerator=nope"], "You selected an invalid accelerator name: `accelerator='nope'`"),
        ("trunk", ["--trainer.devices=-1"], "`devices` selected with `CPUAccelerator` should be an int > 0."),
        ("trunk", ["--trainer.devices=8"], "Expected GPUs with `trainer.sync_batchnorm`"),
        ("trunk", ["--data.init_args.loading.batch_size=1"], "Expected `batch_size` of at least 2, got 1"),
        ("trunk", ["--data.init_args.split.min_images=1000"], "at least 2 identities of at least 1000 images"),
        ("trunk", ["--data.init_args.source.init_args.cache_dir=a_file/x"], "[Errno 20] Not a directory: 'a_file/x'"),
        ("trunk", [CSV], "a_file/runs: expected a folder that the run can be written to, got [Errno 20]"),
        ("trunk", [f"{NETWORK}.head.init_args.dropout=1.5"], "Expected `dropout` in [0, 1), got 1.5"),
        ("trunk", ["--model.init_args.dropout=1"], "Expected `dropout` in [0, 1), got 1"),
        ("soidn", ["--model.init_args.dropout=1"], "Expected `dropout` in [0, 1), got 1"),
        ("soidn", [f"{NETWORK}.segmenter.init_args.dropout=1"], "Expected `dropout` in [0, 1), got 1"),
        ("trunk", [f"{NETWORK}.head.init_args.embedding_dim=0"], "Expected `embedding_dim` of at least 1, got 0"),
        ("trunk", ["--data.init_args.image_size=7"], "Expected `image_size` large enough for the trunk, got 7"),
        ("soidn", ["--data.init_args.image_size=7"], "Expected `image_size` large enough for the trunk, got 7"),
        ("trunk", ["--model.init_args.normalize.init_args={std: [0,1,1]}"], "Expected `std` above 0, got"),
        ("soidn", [f"{OCCLUDER}.probabilities={{none: 0}}"], "Expected `probabilities` with a positive sum"),
        ("soidn", [f"{OCCLUDER}.probabilities={{none: -1, cup: 2}}"], "of at least 0, got -1.0 for 'none'"),
        ("soidn", [f"{NETWORK}.mask_weight=-1"], "RuntimeError: normal expects std >= 0.0"),
        ("batch_triplet", [FEW, "--model.init_args.loss.init_args.beta=1.5"], "Expected `beta` in [0, 1], got 1.5"),
        ("batch_triplet", [FEW, "--model.init_args.loss.init_args.margin=-1"], "Expected `margin` (α) above 0, got -1"),
        ("triplet", [], "Expected at least 16 identities of at least 2 training images"),
    ],
)
def test_of_what_is_built(refusal: Refusal, tiny: Options, system: str, options: Options, message: str) -> None:
    line = refusal(run, "fit", f"--config={system}_demo", *tiny, *options)
    assert message in line
    assert ("(traceback: " in line) == message.startswith("RuntimeError")


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        (launch, ["sodin"], "argument system: invalid choice"),
        (launch, ["soidn", "--data=a_file"], "a_file: expected a folder"),
        (launch, ["soidn", "--weights"], "argument --weights: expected one argument"),
        (launch, ["trunk", "extra"], "unrecognized arguments: extra"),
        (sweep, [], "the following arguments are required: file"),
        (sweep, ["empty.yaml"], "empty.yaml: expected a sweep as keys"),
        (sweep, [SWEEP, "--trials=0"], "argument --trials: expected at least 1, got 0"),
        (reproduce, ["nope"], "expected the name of a reproduction, got 'nope'"),
        (reproduce, ["folder.yaml"], "folder.yaml: expected YAML, got Is a directory"),
        (reproduce, ["soidn", "--rows=nope"], "expected the name of a row, got 'nope'"),
        (reproduce, ["soidn", "--jobs=0"], "Expected --jobs of at least 1"),
        (reproduce, ["soidn", "--reserve=nan"], "--reserve of at least 0, got None, nan"),
        (evaluate, ["--protocol=nope"], "Expected --protocol among"),
        (evaluate, ["--protocol=generated"], "Expected --checkpoint or --extractor"),
        (
            evaluate,
            ["--protocol=lfw", "--checkpoint=a_file"],
            "Expected a readable weights file, got a_file: an empty file",
        ),
        (align, [], "the following arguments are required: --images, --out"),
        (align, ["--images=folder.yaml", "--out=out", "--workers=0"], "expected a whole number from 1, got '0'"),
        (
            make_lfw_occ,
            ["--root=folder.yaml", "--pairs=a_file", "--out=out", "--size=1"],
            "Expected `--size` of at least",
        ),
        (make_lfw_occ, [*LFW, "--out=folder.yaml"], "Expected --out outside --root, got folder.yaml in folder.yaml"),
        (make_lfw_occ, [*LFW, "--out=folder.yaml/x"], "Expected --out outside --root, got folder.yaml/x in"),
        (make_lfw_occ, [*LFW, "--out=."], "Expected --root outside --out, got folder.yaml in ."),
        (front_figure, ["--checkpoint=nope"], "nope"),
        (front_figure, ["--images=x"], "Expected --images of at least 1, got 'x'"),
    ],
)
def test_of_every_command(refusal: Refusal, command: Callable[[Options], object], args: Options, message: str) -> None:
    assert message in refusal(command, *args)


@pytest.mark.parametrize(
    "name",
    [
        *("tests.at_scale.fuzz", "tests.at_scale.kill_and_resume"),
        *("experiments.benchmarks.gallery_search_speed", "experiments.benchmarks.labelled_listing"),
        *("experiments.benchmarks.occluding",),
        *("experiments.benchmarks.occlusion_map_speed", "experiments.benchmarks.pipeline"),
        *("experiments.benchmarks.rendering_speed", "experiments.benchmarks.sampled_maps"),
        *("experiments.benchmarks.throughput", "experiments.benchmarks.triplet_mining_speed"),
        "experiments.benchmarks.verification_map_speed",
    ],
)
def test_of_a_benchmark(name: str, refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = import_module(name)
    monkeypatch.setattr(sys, "argv", [name, "--zzz=1"])
    assert refusal(lambda _: benchmark.main()) == "unrecognized arguments: --zzz=1"


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("experiments.benchmarks.occluding", "--images"),
        ("experiments.benchmarks.occluding", "--repeats"),
        ("tests.at_scale.fuzz", "--mutations"),
        ("tests.at_scale.kill_and_resume", "--kills"),
    ],
)
def test_of_a_benchmark_of_nothing(name: str, option: str, refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = import_module(name)
    monkeypatch.setattr(sys, "argv", [name, f"{option}=0"])
    assert refusal(lambda _: benchmark.main()) == f"argument {option}: expected a whole number from 1, got '0'"


def test_a_user_s_class_that_fails_has_its_traceback_in_a_file(refusal: Refusal, tiny: Options) -> None:
    line = refusal(run, "fit", "--config=trunk_demo", *tiny, f"{NETWORK}.trunk=faulty.Trunk")
    assert line.startswith("ZeroDivisionError: division by zero (traceback: ")
    assert "faulty.py" in Path(line.partition("(traceback: ")[2].rstrip(")")).read_text()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KeyError("noise_patch"), "KeyError: 'noise_patch'"),
        (
            torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2 GiB."),
            "OutOfMemoryError: CUDA out of memory. Tried",
        ),
        (
            OSError(28, "No space left on device", "runs/last.ckpt"),
            "[Errno 28] No space left on device: 'runs/last.ckpt'",
        ),
        (MemoryError(), "MemoryError (traceback"),
    ],
)
def test_what_nobody_has_foreseen_is_a_line_that_names_the_file_of_its_traceback(
    refusal: Refusal, error: Exception, line: str
) -> None:
    def command(_: Options) -> None:
        raise error

    said = refusal(command)
    assert said.startswith(line)
    path = Path(said.partition("(traceback: ")[2].rstrip(")"))
    assert "in command\n    raise error" in path.read_text()


def test_where_no_file_can_be_written_the_traceback_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "a_file")
    with pytest.raises(SystemExit):
        main(lambda _: os.environ["NO SUCH KEY"], [])
    shown = capsys.readouterr().err
    assert shown.startswith("error: KeyError: 'NO SUCH KEY'\nTraceback (most recent call last)")


def test_causes_in_a_circle_end(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = UserError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first

    def fail(_: Options) -> None:
        raise first

    with pytest.raises(SystemExit):
        main(fail, [])
    assert capsys.readouterr().err == "error: first\n"


def test_an_interruption_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    def command(_: Options) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stop:
        main(command, [])
    assert stop.value.code == 130
    assert capsys.readouterr().err == "error: interrupted\n"


@pytest.mark.parametrize("null", ["null", "~", "None"])
def test_a_null_deep_in_a_configuration_is_no_word(null: str) -> None:
    key = "--data.init_args.source.init_args.cache_dir"
    for words in ([f"{key}={null}"], [key, null]):
        config = parse(["fit", "--config=trunk_demo", *words])
        assert config["data"]["init_args"]["source"]["init_args"]["cache_dir"] is None

"""What a user gets wrong costs one line on stderr, an exit status, and nothing on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from experiments.cli import main, run
from experiments.launch import launch
from experiments.runs.layers import merged
from tests.experiments.conftest import Options
from tests.helpers.faces_on_disk import encode, pseudo_face, write_image_folder
from tests.helpers.processes import run_module
from tests.helpers.recordio_pack import write_recordio

SOIDN = "--config=soidn_demo"
NETWORK = "--model.init_args.network.init_args"
SMP = "lightning_modules.networks.SMPSegmenter"

Refusal = Callable[..., str]


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Run a command line that must fail; return its one line without ``error: ``."""

    def refuse(command: Callable[[Options], object], *args: str) -> str:
        with pytest.raises(SystemExit) as stop:
            main(command, args)
        assert stop.value.code == 1
        said = capsys.readouterr().err.splitlines()
        (line,) = [line for line in said if not line.startswith("wandb: ")]  # it has started where training has
        assert line.startswith("error: ")
        assert not [path for name in ("*.ckpt", "metrics.json", "*.tmp") for path in Path("runs").rglob(name)]
        return line.removeprefix("error: ")

    return refuse


def faces(root: Path, *, people: int = 12, images: int = 4) -> Path:
    return write_image_folder(root, {f"p{i:02}": images for i in range(people)}, size=(32, 32))


def records(root: Path) -> list[int]:
    return write_recordio(root, [encode(pseudo_face(i)) for i in range(4)], [0.0, 0.0, 1.0, 1.0])


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_missing_dataset(refusal: Refusal, tmp_path: Path) -> None:
    assert "nope: expected a folder with train.rec" in refusal(launch, "soidn", "--data", str(tmp_path / "nope"))


def test_empty_dataset(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    message = refusal(launch, "soidn", "--data", str(tmp_path / "empty"))
    assert "empty: expected one sub-folder per identity, got 0 images" in message


def test_images_without_sub_folders(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(pseudo_face(0)))
    assert "expected one sub-folder per identity, got 1 images" in refusal(launch, "soidn", f"--data={tmp_path}")


def test_identities_with_too_few_images(refusal: Refusal, tmp_path: Path) -> None:
    faces(tmp_path / "few", images=3)
    message = refusal(launch, "soidn", "--data", str(tmp_path / "few"), "--scale=demo")
    assert (
        "at least 2 identities of at least 4 images to train on, beside 2 to evaluate on, got 0 (of 12 identities"
        in message
    )


def test_the_papers_dataset_is_not_there(refusal: Refusal) -> None:
    assert refusal(run, "fit", "--config=soidn_casia").startswith("data/CASIA-WebFace: expected")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: b"no image at all", "expected a JPEG, PNG, BMP, WebP or TIFF image, got 15 bytes"),
        (lambda data: data[: len(data) // 2], "expected a complete JPEG"),
    ],
)
def test_bad_image_is_named(refusal: Refusal, tmp_path: Path, spoil: Callable[[bytes], bytes], reason: str) -> None:
    bad = faces(tmp_path / "faces") / "p03" / "p03_0002.jpg"
    bad.write_bytes(spoil(bad.read_bytes()))
    assert f"{bad}: {reason}" in refusal(launch, "soidn", "--data", str(tmp_path / "faces"), "--scale=demo")


def test_bad_image_in_a_loading_process_is_named(refusal: Refusal, tmp_path: Path, short: Options) -> None:
    for bad in faces(tmp_path / "faces").rglob("*_0002.jpg"):
        bad.write_bytes(b"no image at all")
    unchecked = ["--data.init_args.checks.check_images=false", "--data.init_args.loading.num_workers=1", *short]
    message = refusal(launch, "segmentation", "--data", str(tmp_path / "faces"), "--scale=demo", *unchecked)
    assert message.startswith(str(tmp_path / "faces/p"))
    assert "got 15 bytes" in message


def test_corrupt_recordio(refusal: Refusal, tmp_path: Path) -> None:
    offset = records(tmp_path)[2]
    overwrite(tmp_path / "train.rec", offset, b"XXXX")
    message = refusal(launch, "soidn", f"--data={tmp_path}")
    assert f"train.rec: byte {offset}: expected magic word 0xced7230a, got 0x58585858" in message


def test_truncated_recordio(refusal: Refusal, tmp_path: Path) -> None:
    offset = records(tmp_path)[2]
    (tmp_path / "train.rec").write_bytes((tmp_path / "train.rec").read_bytes()[: offset + 60])
    assert f"train.rec: byte {offset}: expected" in refusal(launch, "soidn", f"--data={tmp_path}")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--model.init_args.segmentation_weight=-1", "`segmentation_weight` (λ) of at least 0, got -1.0"),
        (
            "--model.init_args.segmentation_weight=much",
            "Parser key \"segmentation_weight\": Expected a <class 'float'>",
        ),
        (
            '--data.init_args.training_occluder.init_args.probabilities={"none": 0.5, "monocle": 0.5}',
            "Expected an occluder category among ['cup', 'doctor_mask', 'party_mask', 'scarf', 'sunglasses'], got 'mon",
        ),
        ("--data.init_args.loading.batch_size=0", "Expected `batch_size` of at least 2, got 0"),
        (
            "--data.init_args.checks.on_bad_image=ignore",
            "Parser key \"checks.on_bad_image\": Expected a typing.Literal['stop', 'skip']",
        ),
        ("--data.init_args.image_size=8", "Expected `image_size` large enough for the trunk, got 8"),
        (f"{NETWORK}.mask_positions=[9]", "`mask_positions` distinct and in 0 to 5"),
        ("--model.init_args.lr_schedule.init_args.warmup_share=2", "Expected `warmup_share` in [0, 1), got 2.0"),
        ("--model.init_args.optimizer.init_args.lr=-1", "Invalid learning rate: -1.0"),
        ("--model.init_args.initial_weights=nope.ckpt", "Expected a weights file at nope.ckpt, got no such file"),
        ("--model.init_args.segmentation_wieght=1", "Option 'segmentation_wieght' is not accepted"),
        ("--trainer.max_epoch=1", "unrecognized arguments: --trainer.max_epoch=1"),
        ("--trainer.max_epochs=few", "Parser key \"trainer.max_epochs\": Expected a <class 'int'>"),
        ("--data.init_args.source=datamodules.sources.Nope", "module 'datamodules.sources' has no attribute 'Nope'"),
        ("--config=nope.yaml", "nope.yaml'"),
        ("--ckpt_path=nope.ckpt", "Expected a weights file at nope.ckpt, got no such file"),
    ],
)
def test_wrong_option(refusal: Refusal, tiny: Options, option: str, message: str) -> None:
    assert message in refusal(run, "fit", SOIDN, *tiny, option)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--trainer.max_epoch=3", "--trainer.max_epoch=3; did you mean 'trainer.max_epochs'?"),
        ("--modle.init_args.segmentation_weight=1", "; did you mean 'model'?"),
        ("--model.init_arg.segmentation_weight=1", "; did you mean 'init_args'?"),
        (f"{NETWORK}.mask_position=top", "Option 'mask_position' is not accepted; did you mean 'mask_positions'?"),
        (f"{NETWORK}.trunk.init_args.widht=1", "Option 'widht' is not accepted; did you mean 'width'?"),
        (
            "--model.init_args.optimizer.init_args.beta=[0.9,0.9]",
            "Option 'beta' is not accepted; did you mean 'betas'?",
        ),
        (
            "--data.init_args.training_occluder.init_args.probability={none: 1}",
            "Option 'probability' is not accepted; did you mean 'probabilities'?",
        ),
        ("--max_epochs=3", "--max_epochs=3; did you mean 'trainer.max_epochs'?"),
        ("--zzzz=1", "unrecognized arguments: --zzzz=1\n"),
        ("--data.init_args.zzzz=1", "Option 'zzzz' is not accepted\n"),
    ],
)
def test_a_misspelt_key_is_refused_with_the_nearest_one(refusal: Refusal, option: str, message: str) -> None:
    assert message in refusal(run, "fit", SOIDN, option) + "\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("trainer: {max_epoch: 3}", "does not accept option 'trainer.max_epoch'; did you mean 'trainer.max_epochs'?"),
        (
            "model: {init_args: {segmentation_wieght: 1}}",
            "'segmentation_wieght' is not accepted; did you mean 'segmenta",
        ),
        ("trainer: {zzzz: 3}", "does not accept option 'trainer.zzzz'\n"),
    ],
)
def test_so_is_one_in_a_file(refusal: Refusal, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "mine.yaml").write_text(content)
    assert message in refusal(run, "fit", SOIDN, f"--config={tmp_path}/mine.yaml") + "\n"


@pytest.mark.parametrize(
    ("option", "nearest"),
    [("--sclae=demo", "scale"), ("--trainer.max_epoch=3", "trainer.max_epochs"), ("--wieghts=a.ckpt", "weights")],
)
def test_so_is_one_of_a_make_target(refusal: Refusal, option: str, nearest: str) -> None:
    for system in ("soidn", "trunk"):
        assert f"{option}; did you mean {nearest!r}?" in refusal(launch, system, option)


def test_feature_maps_that_do_not_match_are_named_with_both_shapes(refusal: Refusal, tiny: Options) -> None:
    message = refusal(run, "fit", SOIDN, *tiny, f"{NETWORK}.segmenter={SMP}", f"{NETWORK}.mask_positions=[0]")
    assert "(C, H, W) = (3, 64, 64) at mask position 0, got [(64, 32, 32), (64, 16, 16)" in message


def test_unknown_encoder(refusal: Refusal, tiny: Options) -> None:
    options = [f"{NETWORK}.segmenter={SMP}", f"{NETWORK}.segmenter.init_args.encoder_name=vgg61"]
    assert "vgg61" in refusal(run, "fit", SOIDN, *tiny, *options)


def test_misspelt_key_in_a_file(refusal: Refusal, tmp_path: Path) -> None:
    text = yaml.safe_dump(merged("soidn_demo"))
    (tmp_path / "mine.yaml").write_text(text.replace("segmentation_weight", "segmentation_wieght"))
    assert "Option 'segmentation_wieght' is not accepted" in refusal(run, "fit", f"--config={tmp_path}/mine.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no weights", "Expected a readable weights file, got"), (None, "Expected weights named")],
)
def test_wrong_weights(refusal: Refusal, tiny: Options, tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "weights.ckpt"
    torch.save({"other": torch.zeros(2)}, path) if content is None else path.write_bytes(content)
    assert message in refusal(launch, "soidn", f"--weights={path}", *tiny)
    expected = "Expected a checkpoint of this suite" if content is None else message
    assert expected in refusal(run, "test", SOIDN, *tiny, f"--ckpt_path={path}")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["sodin"], "argument system: invalid choice: 'sodin' (choose from 'trunk', "),
        (["soidn", "--scale=huge"], "argument --scale: invalid choice: 'huge' (choose from 'demo', 'paper')"),
        ([], "the following arguments are required: system"),
    ],
)
def test_launch_typos(refusal: Refusal, args: list[str], message: str) -> None:
    assert message in refusal(launch, *args)


@pytest.mark.parametrize("wrong", ["--sclae=demo", "--model.init_args.segmentation_weight=-1"])
def test_a_mistake_shows_before_the_trunk_is_trained(
    refusal: Refusal, tiny: Options, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        refusal(launch, "soidn", *tiny, wrong)
    assert "starts from" not in caplog.text


def test_unknown_alignment(refusal: Refusal, tmp_path: Path) -> None:
    faces(tmp_path / "faces")
    message = refusal(launch, "trunk", f"--data={tmp_path}/faces", "--scale=demo", "--alignment=mine")
    assert message == "Expected `points` to be one of ['arcface', 'lfw'] or five (x, y), got 'mine'"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["experiments.launch", "soidn", "--data", "/nope"], "error: /nope: expected a folder with train.rec"),
        (["experiments.train", "fit", SOIDN, "--model.init_args.foo=1"], "Option 'foo' is not accepted"),
    ],
)
def test_as_a_program(args: list[str], message: str, tmp_path: Path) -> None:
    (line,) = run_module(*args, status=1).splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert not (tmp_path / "runs").exists()

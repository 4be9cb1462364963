"""``python -m experiments.shard``: what it writes is trained on as what it was written from."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch

from datamodules.alignment import agreed_template
from datamodules.errors import DataError
from datamodules.sources import Shards
from experiments.cli import UserError
from experiments.launch import launch
from experiments.runs.data_choice import choose_data
from experiments.shard import shard
from tests.experiments.conftest import Options
from tests.helpers.faces_on_disk import encode, pseudo_face, write_image_folder
from tests.helpers.processes import run_module_in_two
from tests.helpers.sharded_faces import write_tar

REAL = Path(__file__).parents[2] / "../shared/faces"


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return write_image_folder(tmp_path / "faces", {f"p{number:02}": 6 for number in range(10)}, size=(64, 64))


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few faces are trained on for the demo's epochs, in place of 25 times as many."""
    monkeypatch.setattr("experiments.runs.data_choice.demo_repeat", lambda images: 1)


def run_of(system: str) -> Path:
    (found,) = [path for path in Path("runs", system).iterdir() if path.is_dir() and not path.is_symlink()]
    return found


@pytest.mark.usefixtures("once")
@pytest.mark.slow
def test_a_tiny_soidn_comes_to_the_same_weights_from_a_folder_and_from_shards(
    faces: Path, short: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    shard(["--data", str(faces), "--out", "shards", "--images-per-shard=7", "--no-shuffle"])
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "Written: shards shards: 60 images of 10 identities in 9 shards"
    weights = []
    for data in (str(faces), "shards"):
        options = [*short, "--evaluate=false", "--data.init_args.loading.num_workers=0"]
        launch(["soidn", "--data", data, "--scale=demo", *options])
        weights.append(torch.load(run_of("soidn") / "checkpoints/last.ckpt", weights_only=True)["state_dict"])
        rows = list(csv.DictReader((run_of("soidn") / "metrics.csv").read_text().splitlines()))
        assert any(row["val/loss"] for row in rows)
        shutil.rmtree("runs")
    torch.testing.assert_close(*weights, rtol=0, atol=0)


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_train_from_shards_as_one(faces: Path, short: Options) -> None:
    shard(["--data", str(faces), "--out", "shards", "--images-per-shard=7"])
    plain = [
        "--data.init_args.source.init_args.shuffle_window=16",
        "--model.init_args.network.init_args.trunk.init_args.batch_norm=false",
        "--model.init_args.network.init_args.head={class_path: lightning_modules.networks.VGG16Head, "
        "init_args: {embedding_dim: 32, dropout: 0}}",
        "--trainer.precision=64-true",
    ]
    options = ["trunk", "--data=shards", "--scale=demo", "--evaluate=false", *short, *plain]
    weights = []
    for size, more in ((8, []), (4, ["--trainer.devices=2", "--trainer.strategy=ddp"])):
        run = [*options, f"--data.init_args.loading.batch_size={size}", *more]
        if more:
            run_module_in_two("experiments.launch", *run)
        else:
            launch(run)
        weights.append(torch.load(run_of("trunk") / "checkpoints/last.ckpt", weights_only=True)["state_dict"])
        shutil.rmtree("runs")
    torch.testing.assert_close(weights[1], weights[0], rtol=0, atol=1e-8)


def test_landmarks_and_alignment_are_carried_along(faces: Path, tmp_path: Path) -> None:
    names = [f"p{identity:02}/p{identity:02}_{shot:04}.jpg" for identity in range(10) for shot in range(1, 7)]
    rows = [",".join([name, *(str(place + number) for number in range(10))]) for place, name in enumerate(names)]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    shard(["--data", str(faces), "--out=shards", "--landmarks=table.csv", "--alignment=lfw", "--seed=3"])
    shards = Shards("shards")
    for index in range(60):
        landmarks = shards.landmarks(index)
        assert landmarks is not None
        assert landmarks[0].tolist() == [
            names.index(shards.name(index).partition("/")[2]) + number for number in (0, 1)
        ]
    assert agreed_template("shards", None, default="arcface") == "lfw"
    chosen = choose_data("shards", None, "paper").changes
    assert chosen["data.init_args.source"] == {
        "class_path": "datamodules.sources.Shards",
        "init_args": {"root": "shards"},
    }
    assert chosen["data.init_args.landmarks"]["class_path"] == "datamodules.sources.SourceLandmarks"
    # written again from the shards, they come along
    shard(["--data=shards", "--out=again", "--no-shuffle", "--names=number"])
    again = Shards("again").landmarks(17)
    assert again is not None
    assert again.tolist() == shards.landmarks(17).tolist()  # type: ignore[union-attr]  # they are there
    assert json.loads(Path("again/align_settings.json").read_text()) == {"template": "lfw"}


def test_a_declared_alignment_is_carried_along(faces: Path) -> None:
    (faces / "align_settings.json").write_text('{"template": "lfw", "size": 112}')
    with pytest.raises(DataError, match=r"expected the alignment .* 'lfw', got 'arcface'"):
        shard(["--data", str(faces), "--out=shards", "--alignment=arcface"])
    shard(["--data", str(faces), "--out=shards"])
    assert json.loads(Path("shards/align_settings.json").read_text()) == {"template": "lfw", "size": 112}


def test_an_image_without_landmarks_is_told_before_anything_is_written(faces: Path) -> None:
    Path("table.csv").write_text("p00/p00_0001.jpg,1,2,3,4,5,6,7,8,9,10\n")
    with pytest.raises(DataError, match=r"table\.csv: expected a row for image 'p\d+/p.*jpg', got none in 1 rows"):
        shard(["--data", str(faces), "--out=shards", "--landmarks=table.csv"])
    assert not Path("shards").exists()


def test_foreign_shards_are_indexed_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        samples = [(f"{place}.{ending}", data) for place in range(3) for ending, data in files(number, place)]
        write_tar(Path(f"set/{number}.tar"), samples)
    shard(["--index=set", "--label=who", "--workers=1"])
    assert capsys.readouterr().out == "Indexed: shards set: 6 images of 2 identities in 2 shards\n"
    assert list(Shards("set").identity_names) == ["p0", "p1"]
    shard(["--check=set"])
    assert capsys.readouterr().out == "As they were indexed: shards set: 6 images of 2 identities in 2 shards\n"


def files(identity: int, shot: int) -> list[tuple[str, bytes]]:
    who = json.dumps({"who": f"p{identity}"}).encode()
    return [("jpg", encode(pseudo_face(identity, shot, size=(16, 16)))), ("json", who)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Expected one of --data, --index and --check, got none"),
        (["--index=a", "--check=a"], "Expected one of --data, --index and --check, got index and check"),
        (["--data=a"], "Expected --data and --out together, got one of them"),
        (["--index=a", "--out=b"], "Expected --data and --out together, got one of them"),
        (["--data=faces", "--out=faces/shards"], "Expected --out outside --data"),
        (["--data=faces", "--out=shards", "--images-per-shard=0"], "expected a whole number from 1, got '0'"),
        (["--data=faces", "--out=shards", "--seed=-1"], "`seed` of at least 0, got -1"),
    ],
)
def test_wrong_options_are_refused(faces: Path, options: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        shard(options)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real sample is not part of the project")
def test_real_faces_are_written_byte_for_byte(capsys: pytest.CaptureFixture[str]) -> None:
    shard(["--data", str(REAL / "recordio"), "--out=shards", "--images-per-shard=50"])
    assert capsys.readouterr().out.endswith("Written: shards shards: 156 images of 30 identities in 4 shards\n")
    shard(["--check=shards"])
    assert Shards("shards").image(0).shape == (112, 112, 3)

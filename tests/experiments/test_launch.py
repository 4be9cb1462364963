"""``make train-…``: which runs come of it, and which are there already."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wandb
import yaml

from experiments.cli import UserError, run
from experiments.launch import launch
from experiments.runs.data_choice import choose_data
from experiments.runs.layers import merged
from tests.experiments.conftest import Options
from tests.helpers.faces_on_disk import encode, pseudo_face, write_image_folder
from tests.helpers.processes import run_module_in_two
from tests.helpers.recordio_pack import write_recordio
from tests.helpers.sharded_faces import sharded
from tests.helpers.system_groups import FINE_TUNED

PATCH = "data.init_args.training_occluder.init_args.occluders.noise_patch.init_args"
AGAIN = "run before with the same settings"


def run_of(system: str) -> Path:
    """Return the folder of the only run of a system."""
    (folder,) = runs_of(system)
    return folder


def runs_of(system: str) -> list[Path]:
    """Return the folders of a system's runs, of which one has another name too."""
    return [path for path in Path("runs", system).iterdir() if path.is_dir() and not path.is_symlink()]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let W&B write to disk; it reads its environment once in a process, unless torn down."""
    wandb.teardown()
    monkeypatch.setenv("WANDB_MODE", "offline")
    yield
    wandb.teardown()


@pytest.mark.usefixtures("offline")
def test_soidn_starts_from_a_trunk_that_is_trained_once(tiny: Options, capsys: pytest.CaptureFixture[str]) -> None:
    launch(["soidn", *tiny])
    said = capsys.readouterr().out
    assert "Scale: demo (no DATA given)" in said
    assert "Configuration: soidn_demo: base/all.yaml, base/soidn_demo.yaml, systems/soidn.yaml, systems/" in said
    trunk, soidn = run_of("trunk"), run_of("soidn")
    assert said.index(f"Trunk: training in {trunk}") < said.index(f"SOIDN: training in {soidn}")
    for folder in (trunk, soidn):
        assert len(list(folder.glob("wandb/offline-run-*"))) == 1
        for name in (
            "config.yaml",
            "metrics.csv",
            "metrics.json",
            "history.json",
            "record.json",
            "checkpoints/last.ckpt",
        ):
            assert (folder / name).stat().st_size > 0, name

    launch(["soidn", *tiny])
    said = capsys.readouterr().out
    assert said.count(AGAIN) == 2
    assert said.index(str(soidn)) < said.index("SOIDN on unseen identities")
    assert "training in" not in said

    launch(["soidn", *tiny, "--model.init_args.segmentation_weight=0.5", "--trainer.max_epochs=2"])
    said = capsys.readouterr().out
    assert f"Trunk: {trunk}, {AGAIN}" in said
    assert len(runs_of("soidn")) == 2
    assert (soidn.parent / "latest").resolve() != soidn.resolve()


def test_a_saved_configuration_that_is_run_by_hand_leaves_the_run_as_it_is(tiny: Options) -> None:
    launch(["trunk", *tiny, "--trainer.limit_train_batches=1"])
    folder = run_of("trunk")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    run(["test", f"--config={folder}/config.yaml", f"--ckpt_path={folder}/checkpoints/best.ckpt"])
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert Path("runs/trunk_demo/version_0/metrics.json").exists()


def test_a_training_that_was_cut_off_is_resumed(
    tiny: Options, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*tiny, "--trainer.max_epochs=2", "--trainer.limit_train_batches=2"]
    launch(["trunk", *options])
    folder = run_of("trunk")
    whole = json.loads((folder / "metrics.json").read_text())
    for name in ("record.json", "metrics.json"):
        (folder / name).unlink()
    capsys.readouterr()
    launch(["trunk", *options])
    assert f"Trunk: resuming in {folder}" in capsys.readouterr().out
    assert json.loads((folder / "metrics.json").read_text()) == whole


def test_an_agent_of_w_and_b_runs_its_trial_even_so(
    tiny: Options, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["trunk", *tiny, "--evaluate=false", "--trainer.limit_train_batches=1"]
    launch(options)
    monkeypatch.setenv("WANDB_SWEEP_ID", "abc")
    launch(options)
    assert "not the one that was run before: it is asked for again" in capsys.readouterr().out


def test_a_trial_of_whether_all_goes_well_leaves_no_run(tiny: Options) -> None:
    launch(["soidn", *tiny, "--trainer.fast_dev_run=1"])
    assert not list(Path().rglob("record.json"))


def test_mistakes_in_what_comes_last_show_before_the_first_stage(tiny: Options) -> None:
    for wrong in ("--model.init_args.segmentation_weight=-1", "--model.init_args.segmentation_wieght=1"):
        with pytest.raises(UserError):
            launch(["soidn", *tiny, wrong])
    assert not Path("runs").exists()


def test_model_a_starts_from_no_trunk(tiny: Options, capsys: pytest.CaptureFixture[str]) -> None:
    launch(["model_a", *tiny])
    said = capsys.readouterr().out
    assert "Trunk:" not in said
    assert "Model A on unseen identities" in said
    assert [path.name for path in Path("runs").iterdir()] == ["model_a"]


@pytest.mark.parametrize("system", FINE_TUNED)
def test_triplets_start_from_a_model_a_that_is_trained_once(
    system: str, tiny: Options, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    batches = "--data.init_args.identity_batches={identities: 4, images: 2}"
    small = [*tiny, batches, "--data.init_args.split.validation_share=0.5"]  # two faces each
    with caplog.at_level("INFO", "pytorch_lightning.utilities.rank_zero"):
        launch([system, *small])
    said = capsys.readouterr().out
    title = "Model B" if system == "triplet" else "Model C"
    assert said.index("Model A: training in") < said.index(f"{title} on unseen identities")
    assert "batches of 4 identities × 2 images" in caplog.text
    assert "TripletModule starts from checkpoint weights from last.ckpt: network (20 tensors)" in caplog.text
    folder = run_of(system)
    assert (folder / "figures/score_distributions.png").stat().st_size > 1000
    logged = (folder / "metrics.csv").read_text().splitlines()[0].split(",")
    train = {"loss", "triplets", "active_share", "zero_loss_share", "without_triplets", "spread"}
    assert {f"train/{name}" for name in train} <= set(logged)
    assert {f"val/{name}" for name in ("mu_ap", "mu_an", "var_ap", "var_an", "decidability")} <= set(logged)
    measured = json.loads((folder / "metrics.json").read_text())["metrics"]
    assert {"test/gallery_decidability/none", "test/gallery_decidability/occluded"} <= set(measured)

    launch([system, *small, "--trainer.max_epochs=2", "--evaluate=false"])
    assert f"Model A: {run_of('model_a')}, {AGAIN}" in capsys.readouterr().out


@pytest.mark.slow
def test_strategic_patches_follow_a_map_of_model_a_that_is_made_once(
    tiny: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"source.init_args.images_per_identity": 10, "split.min_images": 10, "split.validation_share": 0.4}
    some = [*tiny, *(f"--data.init_args.{key}={value}" for key, value in changes.items())]
    launch(["model_a_strategic", *some])
    said = capsys.readouterr().out
    steps = ("Model A: training in", "Occlusion maps of Model A: making them in", "Model A_20×20 on unseen identities")
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)
    (path,) = Path("runs/occlusion_maps").rglob("*.npz")
    saved = yaml.safe_load((run_of("model_a_strategic") / "config.yaml").read_text())
    patch = saved["data"]["init_args"]["training_occluder"]["init_args"]["occluders"]["noise_patch"]["init_args"]
    assert patch["placement"]["init_args"] == {"map_file": str(path), "temperature": 0.25}

    launch(["model_a_strategic", *some, f"--{PATCH}.placement.init_args.temperature=1.5", "--evaluate=false"])
    again = capsys.readouterr().out
    assert f"Model A: {run_of('model_a')}, {AGAIN}" in again
    assert f"Occlusion maps of Model A: {path.parent.parent}, {AGAIN}" in again

    launch(["model_a_normal", *some, "--evaluate=false"])
    assert f"Model A: {run_of('model_a')}, {AGAIN}" in capsys.readouterr().out

    path.write_bytes(path.read_bytes()[:100])
    shutil.rmtree("runs/model_a_strategic")
    launch(["model_a_strategic", *some, "--evaluate=false"])
    assert "Occlusion maps of Model A: not the one that was run before" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("map_file=nope.npz", "nope.npz: expected an occlusion map, found no such file"),
        ("temperature=-1", "Expected `temperature` above 0 and finite, got -1.0"),
    ],
)
def test_a_wrong_placement_shows_before_model_a_is_trained(option: str, message: str, tiny: Options) -> None:
    with pytest.raises(UserError, match=message):
        launch(["model_a_strategic", *tiny, f"--{PATCH}.placement.init_args.{option}"])
    assert not list(Path("runs").rglob("*.ckpt"))


@pytest.fixture
def twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few faces are trained on for twice the demo's epochs, in place of 25 times."""
    monkeypatch.setattr("experiments.runs.data_choice.demo_repeat", lambda images: 2)


@pytest.mark.usefixtures("twice")
def test_triplets_of_few_people_are_of_most_of_them(tmp_path: Path, short: Options) -> None:
    folder(tmp_path / "faces")  # twelve people
    options = [*short, "--evaluate=false", "--trainer.limit_train_batches=1"]
    launch(["triplet", "--data", str(tmp_path / "faces"), "--scale=demo", *options])
    saved = yaml.safe_load((run_of("triplet") / "config.yaml").read_text())
    assert saved["data"]["init_args"]["identity_batches"] == {"identities": 9, "images": 8}


def test_at_paper_scale_triplets_want_model_a() -> None:
    with pytest.raises(UserError, match=r"WEIGHTS=file, a checkpoint of model A"):
        launch(["triplet", "--scale=paper"])


def test_triplets_refuse_another_network_and_name_the_first_mismatch(tiny: Options) -> None:
    launch(["model_a", *tiny, "--evaluate=false"])
    weights = f"--weights={run_of('model_a')}/checkpoints/last.ckpt"
    wide = "--model.init_args.network.init_args.trunk.init_args.width=0.5"
    few = "--data.init_args.identity_batches={identities: 4, images: 2}"
    expected = r"`network.trunk.stages.0.conv1_1.weight` of the network: \(16, 1, 3, 3\), got in \S+: \(8, 1, 3, 3\)"
    with pytest.raises(UserError, match=expected):
        launch(["triplet", weights, wide, few, *tiny])


def test_model_a_can_be_continued_with_its_classifier(tiny: Options, caplog: pytest.LogCaptureFixture) -> None:
    options = [*tiny, "--evaluate=false", "--trainer.limit_train_batches=1"]
    launch(["model_a", *options])
    weights = f"{run_of('model_a')}/checkpoints/last.ckpt"
    with caplog.at_level("INFO"):
        launch(["model_a", f"--weights={weights}", "--model.init_args.continue_classifier=true", *options])
    assert "starts from checkpoint weights from last.ckpt: trunk (20 tensors), classifier (2 tensors)" in caplog.text


def folder(root: Path) -> str:
    write_image_folder(root, {f"person-{i:02}": 4 for i in range(12)})
    return f"image folder {root}"


def recordio(root: Path) -> str:
    images = [encode(pseudo_face(identity, shot)) for identity in range(12) for shot in range(4)]
    write_recordio(root, images, [float(identity) for identity in range(12) for _ in range(4)], classes=12)
    return f"InsightFace RecordIO {root}"


def shards(root: Path) -> str:
    folder(root.parent / "images")
    sharded(root.parent / "images", root)
    return f"shards {root}"


def test_the_alignment_is_the_declared_one_unless_another_is_given(tmp_path: Path) -> None:
    folder(tmp_path / "faces")
    (tmp_path / "faces/align_settings.json").write_text('{"template": "lfw"}')
    chosen = choose_data(str(tmp_path / "faces"), None, "paper").changes
    assert chosen["data.init_args.landmarks"]["init_args"] == {"points": "lfw"}
    with pytest.raises(UserError, match=r"align_settings\.json: expected the alignment that .* 'lfw', got 'arcface'"):
        choose_data(str(tmp_path / "faces"), "arcface", "paper")


@pytest.mark.usefixtures("twice")
@pytest.mark.parametrize("write", [folder, recordio, shards])
def test_trains_on_the_users_faces(
    write: Callable[[Path], str], tmp_path: Path, short: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = write(tmp_path / "faces")
    launch(["segmentation", "--data", str(tmp_path / "faces"), "--scale=demo", "--alignment=lfw", *short])
    said = capsys.readouterr().out
    found = f"Faces: {kind}: 48 images of 12 identities"
    assert found in said
    assert "; landmarks: the 'lfw' alignment" in said
    assert "identities of at least 4 images (0 have 10)" in said
    assert said.index(found) < said.index("OS network on unseen identities")
    assert (run_of("segmentation") / "metrics.json").exists()
    of_few = yaml.safe_load((run_of("trunk") / "config.yaml").read_text())["trainer"]["max_epochs"]
    assert of_few == 2 * merged("trunk_demo")["trainer"]["max_epochs"]


@pytest.mark.usefixtures("twice")
def test_bad_images_can_be_left_out_and_are_counted(
    tmp_path: Path, short: Options, caplog: pytest.LogCaptureFixture
) -> None:
    folder(tmp_path / "faces")
    (tmp_path / "faces/person-00/person-00_0001.jpg").write_bytes(b"no image")
    options = [
        *short,
        "--data.init_args.checks.on_bad_image=skip",
        "--evaluate=false",
        "--trainer.limit_train_batches=1",
    ]
    with caplog.at_level("INFO"):
        launch(["segmentation", "--data", str(tmp_path / "faces"), "--scale=demo", *options])
    assert "1 unusable images left out" in caplog.text


def test_given_weights_replace_the_first_stage(tiny: Options, capsys: pytest.CaptureFixture[str]) -> None:
    launch(["trunk", *tiny, "--evaluate=false"])
    weights = f"{run_of('trunk')}/checkpoints/last.ckpt"
    capsys.readouterr()
    launch(["baseline", f"--weights={weights}", *tiny, "--evaluate=false"])
    assert "Trunk:" not in capsys.readouterr().out
    assert run_of("trunk")


@pytest.mark.ddp
def test_two_processes_train_a_system_and_what_it_starts_from_together(tiny: Options) -> None:
    network = "model.init_args.network.init_args"  # without batch normalisation, which no CPU can synchronise
    plain = [
        f"--{network}.trunk.init_args.batch_norm=false",
        f"--{network}.head={{class_path: lightning_modules.networks.VGG16Head, init_args: {{embedding_dim: 32}}}}",
    ]
    two = ["--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.sync_batchnorm=false"]
    run_module_in_two("experiments.launch", "baseline", *tiny, *plain, *two, "--trainer.limit_train_batches=2")
    for system in ("trunk", "baseline"):
        record = json.loads((run_of(system) / "record.json").read_text())
        assert (record["status"], record["evaluated"]) == ("done", True)
        assert len(record["history"]) == {"trunk": 6, "baseline": 1}[system]

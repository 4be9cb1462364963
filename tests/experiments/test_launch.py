"""``make train-…``: which configuration, which data, which first stage."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import wandb
import yaml

from experiments.cli import FaceCLI, UserError, run
from experiments.launch import (
    BATCH_SIZE,
    FINE_TUNED,
    FROM_MODEL_A,
    choose_scale,
    demo_min_images,
    launch,
    longer,
    people,
    pixel_options,
    planned_options,
    shared_overrides,
    strategic_placements,
    train_first_once,
)
from experiments.runs.layers import merged
from tests.experiments.conftest import Options
from tests.helpers.faces_on_disk import encode, pseudo_face, write_image_folder
from tests.helpers.recordio_pack import write_recordio

PATCH = "data.init_args.training_occluder.init_args.occluders.noise_patch.init_args"


@pytest.mark.parametrize(
    ("wanted", "has_data", "has_gpu", "scale", "why"),
    [
        (None, False, False, "demo", "no DATA given"),
        (None, False, True, "demo", "no DATA given"),
        (None, True, False, "demo", "no GPU here; SCALE=paper overrides"),
        (None, True, True, "paper", "DATA and a GPU are there"),
        ("demo", True, True, "demo", "as asked for"),
        ("paper", False, False, "paper", "as asked for"),
    ],
)
def test_scale_and_its_reason(wanted: str | None, has_data: bool, has_gpu: bool, scale: str, why: str) -> None:
    assert choose_scale(wanted, has_data=has_data, has_gpu=has_gpu) == (scale, why)


@pytest.mark.parametrize(("rich", "least"), [(10, 10), (9, 4)])
def test_demo_takes_identities_of_ten_images_where_there_are_ten(rich: int, least: int) -> None:
    assert demo_min_images(np.array([10] * rich + [9] * (12 - rich))) == least


def test_few_faces_are_trained_on_for_more_epochs() -> None:
    epochs = merged("soidn_demo")["trainer"]["max_epochs"]
    assert longer("soidn_demo", 3) == [f"--trainer.max_epochs={3 * epochs}"]
    assert longer("soidn_demo", 1) == []


def test_the_first_stage_shares_settings_of_the_trainer_and_batch_size_but_not_its_length() -> None:
    shared = ["--trainer.accelerator=cpu", "--trainer.limit_train_batches=2", "--data.init_args.loading.batch_size=8"]
    own = [
        "--trainer.max_epochs=3",
        "--seed_everything=1",
        "--trainer.callbacks=[]",
        "--trainer.callbacks+=callbacks.History",
    ]
    assert shared_overrides([*own, *shared]) == shared


def test_the_trunk_is_planned_from_the_resolved_configuration(tiny: Options, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "seed_everything: 5\nmodel: {init_args: {network: {init_args: {head: {init_args: {embedding_dim: 32}}}}}}\n"
    )
    plan = run(["fit", "--config=soidn_demo", f"--config={mine}", *tiny], dry=True)
    options = dict(option.removeprefix("--").split("=", 1) for option in planned_options(plan))
    assert options["seed_everything"] == "5"
    assert json.loads(options["model.init_args.network.init_args.head"])["init_args"]["embedding_dim"] == 32
    data = json.loads(options["data"])["init_args"]
    assert (data["training_occluder"], data["split"]["min_images"], data["checks"]["check_images"]) == (None, 4, True)


def test_other_people_or_pixels_are_other_faces(tiny: Options) -> None:
    def faces(*options: str) -> list[str]:
        return people(run(["fit", "--config=soidn_demo", *tiny, *options], dry=True))

    assert faces() == faces("--model.init_args.segmentation_weight=0.5")
    assert faces() != faces("--data.init_args.source.init_args.seed=1")
    assert faces() != faces("--data.init_args.split.num_unseen=2")


@pytest.mark.parametrize("system", ["soidn", "segmentation", "baseline"])
def test_the_papers_configuration_fits_the_weights_it_starts_from(system: str) -> None:
    assert pixel_options(system, "vgg_face.pth") == []
    random, imagenet = pixel_options(system, None), pixel_options(system, "imagenet")
    assert "[127.5, 127.5, 127.5]" in random[0]
    assert "123.67" in imagenet[0]
    assert len(random) == (1 if system == "baseline" else 2)


@pytest.mark.parametrize("weights", [None, "imagenet", "model_a.ckpt"])
def test_model_a_keeps_its_grey_pixels(weights: str | None) -> None:
    assert pixel_options("model_a", weights) == []


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
    assert "Configuration: soidn_demo: base/all.yaml, base/soidn_demo.yaml, systems/soidn.yaml, systems/soid" in said
    assert said.index("training it on clean faces first") < said.index("SOIDN on unseen identities")
    checkpoints = {str(path) for path in Path("runs").rglob("*.ckpt")}
    assert len(list(Path("runs/wandb").glob("offline-run-*"))) == 2  # trunk and SOIDN are two runs

    launch(["soidn", *tiny, "--model.init_args.segmentation_weight=0.5", "--trainer.max_epochs=2"])
    assert "trained before with the same settings" in capsys.readouterr().out
    new = {str(path) for path in Path("runs").rglob("*.ckpt")} - checkpoints
    assert {str(Path(path).parents[1]) for path in new} == {"runs/soidn_demo/version_1"}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """Let trainings leave a checkpoint and nothing else; their options are kept."""
    done: list[Options] = []

    def train(args: Options) -> object:
        done.append(args)
        path = Path(f"{len(done)}/last.ckpt")
        path.parent.mkdir()
        path.write_text(f"training {len(done)}")
        callbacks = [type("Callback", (), {"best_model_path": name}) for name in ("best.ckpt", str(path))]
        return type("CLI", (), {"trainer": type("Trainer", (), {"checkpoint_callbacks": callbacks})})

    monkeypatch.setattr("experiments.launch.run", train)
    return done


@pytest.mark.usefixtures("trained")
def test_a_trunk_of_other_settings_or_a_lost_one_is_trained_anew(tiny: Options) -> None:
    plan = run(["fit", "--config=soidn_demo", *tiny], dry=True)
    assert train_first_once(plan, []) == train_first_once(plan, []) == "1/last.ckpt"
    assert train_first_once(plan, ["--trainer.limit_train_batches=2"]) == "2/last.ckpt"
    Path("1/last.ckpt").unlink()
    assert train_first_once(plan, []) == "3/last.ckpt"
    Path("3/last.ckpt").write_text("of another training, in a folder of the same number")
    assert train_first_once(plan, []) == "4/last.ckpt"
    for record in Path("runs/trunk_demo").glob("*.json"):
        record.write_text(record.read_text()[:20])
    assert train_first_once(plan, []) == "5/last.ckpt"


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("what", "content", "reason"),
    [
        ("record", "", "json: expected a record of a training, got JSONDecodeError"),
        ("record", "[1]", "json: expected a record of a training, got TypeError"),
        ("record", "{}", "json: expected a record of a training, got KeyError: 'checkpoint'"),
        ("checkpoint", "", "1/last.ckpt: expected the file that runs"),
        (
            "checkpoint",
            "another run's, in the folder of one that was deleted",
            "1/last.ckpt: expected the file that runs",
        ),
    ],
)
def test_a_damaged_record_or_another_run_s_checkpoint_is_said_to_be_one_and_made_again(
    what: str, content: str, reason: str, tiny: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = run(["fit", "--config=soidn_demo", *tiny], dry=True)
    assert train_first_once(plan, []) == "1/last.ckpt"
    (record,) = Path("runs").rglob("*.json")
    (record if what == "record" else Path("1/last.ckpt")).write_text(content)
    assert train_first_once(plan, []) == "2/last.ckpt"
    assert reason in capsys.readouterr().out
    assert train_first_once(plan, []) == "2/last.ckpt"


def test_a_first_stage_that_leaves_no_checkpoint_is_no_start(tiny: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = run(["fit", "--config=soidn_demo", *tiny], dry=True)
    trainer = type("Trainer", (), {"checkpoint_callbacks": [], "fast_dev_run": 0})
    monkeypatch.setattr("experiments.launch.run", lambda args: type("CLI", (), {"trainer": trainer}))
    with pytest.raises(UserError, match=r"Trunk: expected it to leave last.ckpt, got \[\]"):
        train_first_once(plan, [])


MAP = {"class_path": "datamodules.occluders.StrategicPlacement", "init_args": {"map_file": "a.npz", "temperature": 1.0}}


def patch(placement: object, size: int = 5) -> dict[str, object]:
    return {
        "class_path": "datamodules.occluders.NoisePatch",
        "init_args": {"size": [size, size], "placement": placement},
    }


def mixture(**occluders: object) -> dict[str, object]:
    return {
        "class_path": "datamodules.occluders.OccluderMixture",
        "init_args": {"occluders": occluders, "probabilities": dict.fromkeys(occluders, 1)},
    }


@pytest.mark.parametrize(
    ("occluder", "keys"),
    [
        (None, []),
        ({"class_path": "mine.Bar"}, []),
        (mixture(eye_bar={"class_path": "bar.EyeBar"}, scarf={"class_path": "mine.Scarf", "init_args": None}), []),
        (mixture(noise_patch=patch({"class_path": "datamodules.occluders.UniformPlacement"})), []),
        (mixture(other=patch(MAP)), ["occluders.other"]),
        (mixture(a=patch(MAP), b=patch(MAP, 7)), ["occluders.a", "occluders.b"]),
        (mixture(inner=mixture(a=patch(MAP)), b=patch(MAP)), ["occluders.inner.init_args.occluders.a", "occluders.b"]),
        (patch(MAP), []),
    ],
)
def test_placements_by_a_map_are_found_in_any_occluder(occluder: object, keys: list[str]) -> None:
    fit = {"data": {"class_path": "datamodules.FaceDataModule", "init_args": {"training_occluder": occluder}}}
    planned = SimpleNamespace(config=SimpleNamespace(fit=SimpleNamespace(as_dict=lambda: fit)))
    found = strategic_placements(cast(FaceCLI, planned))
    start, end = "data.init_args.training_occluder", ".init_args.placement.init_args.map_file"
    whole = [f"{start}.init_args.{key}{end}" for key in keys] or ([start + end] if occluder == patch(MAP) else [])
    assert [placement.key for placement in found] == whole
    assert all(placement[1:] in {((5, 5), Path("a.npz"), 1.0), ((7, 7), Path("a.npz"), 1.0)} for placement in found)


def test_all_that_start_from_model_a_start_from_the_same(tiny: Options, trained: list[Options]) -> None:
    options = [option for option in tiny if not option.startswith(BATCH_SIZE)]
    for system in FROM_MODEL_A:
        few = ["--data.init_args.identity_batches={identities: 2, images: 2}"] if system in FINE_TUNED else []
        plan = run(["fit", f"--config={system}_demo", *options, *few], dry=True)
        train_first_once(plan, [], "model_a_demo")
    ((*_, data),) = [[word for word in args if word.startswith("--data=")] for args in trained]
    own = merged("model_a_demo")["data"]["init_args"]["loading"]
    assert json.loads(data.removeprefix("--data="))["init_args"]["loading"]["batch_size"] == own["batch_size"]


def test_model_a_starts_from_no_trunk(tiny: Options, capsys: pytest.CaptureFixture[str]) -> None:
    launch(["model_a", *tiny])
    said = capsys.readouterr().out
    assert "Trunk:" not in said
    assert "Model A on unseen identities" in said
    assert [path.name for path in Path("runs").iterdir()] == ["model_a_demo"]


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
    assert said.index("Model A: training it on clean faces first") < said.index(f"{title} on unseen identities")
    assert "batches of 4 identities × 2 images" in caplog.text
    assert "TripletModule starts from checkpoint weights from last.ckpt: network (20 tensors)" in caplog.text
    folder = Path(f"runs/{system}_demo/version_0")
    assert (folder / "figures/score_distributions.png").stat().st_size > 1000
    logged = (folder / "metrics.csv").read_text().splitlines()[0].split(",")
    train = {"loss", "triplets", "active_share", "zero_loss_share", "without_triplets", "spread"}
    assert {f"train/{name}" for name in train} <= set(logged)
    assert {f"val/{name}" for name in ("mu_ap", "mu_an", "var_ap", "var_an", "decidability")} <= set(logged)
    measured = json.loads((folder / "metrics.json").read_text())["metrics"]
    assert {"test/gallery_decidability/none", "test/gallery_decidability/occluded"} <= set(measured)

    launch([system, *small, "--trainer.max_epochs=2", "--evaluate=false"])
    assert "Model A: runs/model_a_demo/version_0/checkpoints/last.ckpt, trained before" in capsys.readouterr().out


@pytest.mark.slow
def test_strategic_patches_follow_a_map_of_model_a_that_is_made_once(
    tiny: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"source.init_args.images_per_identity": 10, "split.min_images": 10, "split.validation_share": 0.4}
    some = [*tiny, *(f"--data.init_args.{key}={value}" for key, value in changes.items())]
    launch(["model_a_strategic", *some])
    said = capsys.readouterr().out
    steps = ("Model A: training it on clean", "Occlusion map: making it", "Model A_20×20 on unseen identities")
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)
    (path,) = Path("runs/model_a_strategic_demo/maps").rglob("*.npz")
    saved = yaml.safe_load(Path("runs/model_a_strategic_demo/version_0/config.yaml").read_text())
    patch = saved["data"]["init_args"]["training_occluder"]["init_args"]["occluders"]["noise_patch"]["init_args"]
    assert patch["placement"]["init_args"] == {"map_file": str(path), "temperature": 0.25}

    launch(["model_a_strategic", *some, f"--{PATCH}.placement.init_args.temperature=1.5", "--evaluate=false"])
    again = capsys.readouterr().out
    assert "trained before with the same settings" in again
    assert f"Occlusion map: {path}, made before of the same weights" in again

    launch(["model_a_normal", *some, "--evaluate=false"])
    assert "trained before with the same settings" in capsys.readouterr().out


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
    monkeypatch.setattr("experiments.launch.demo_repeat", lambda images: 2)


@pytest.mark.usefixtures("twice")
def test_triplets_of_few_people_are_of_most_of_them(tmp_path: Path, short: Options) -> None:
    folder(tmp_path / "faces")  # twelve people
    options = [*short, "--evaluate=false", "--trainer.limit_train_batches=1"]
    launch(["triplet", "--data", str(tmp_path / "faces"), "--scale=demo", *options])
    saved = yaml.safe_load(Path("runs/triplet_demo/version_0/config.yaml").read_text())
    assert saved["data"]["init_args"]["identity_batches"] == {"identities": 9, "images": 8}


def test_at_paper_scale_triplets_want_model_a() -> None:
    with pytest.raises(UserError, match=r"WEIGHTS=file, a checkpoint of model A"):
        launch(["triplet", "--scale=paper"])


def test_triplets_refuse_another_network_and_name_the_first_mismatch(tiny: Options) -> None:
    launch(["model_a", *tiny, "--evaluate=false"])
    weights = "--weights=runs/model_a_demo/version_0/checkpoints/last.ckpt"
    wide = "--model.init_args.network.init_args.trunk.init_args.width=0.5"
    few = "--data.init_args.identity_batches={identities: 4, images: 2}"
    expected = (
        r"`network.trunk.stages.0.conv1_1.weight` of the network: \(16, 1, 3, 3\), got in the file: \(8, 1, 3, 3\)"
    )
    with pytest.raises(UserError, match=expected):
        launch(["triplet", weights, wide, few, *tiny])


def test_model_a_can_be_continued_with_its_classifier(tiny: Options, caplog: pytest.LogCaptureFixture) -> None:
    options = [*tiny, "--evaluate=false", "--trainer.limit_train_batches=1"]
    launch(["model_a", *options])
    weights = "runs/model_a_demo/version_0/checkpoints/last.ckpt"
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


@pytest.mark.usefixtures("twice")
@pytest.mark.parametrize("write", [folder, recordio])
def test_trains_on_the_users_faces(
    write: Callable[[Path], str], tmp_path: Path, short: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = write(tmp_path / "faces")
    launch(["segmentation", "--data", str(tmp_path / "faces"), "--scale=demo", "--alignment=lfw", *short])
    said = capsys.readouterr().out
    found = f"Faces: {kind}: 48 images of 12 identities; landmarks: the 'lfw' alignment"
    assert found in said
    assert "identities of at least 4 images (0 have 10)" in said
    assert said.index(found) < said.index("OS network on unseen identities")
    assert Path("runs/segmentation_demo/version_0/metrics.json").exists()
    of_few = yaml.safe_load(Path("runs/trunk_demo/version_0/config.yaml").read_text())["trainer"]["max_epochs"]
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
    weights = "runs/trunk_demo/version_0/checkpoints/last.ckpt"
    launch(["baseline", f"--weights={weights}", *tiny, "--evaluate=false"])
    assert "Trunk:" not in capsys.readouterr().out
    assert not Path("runs/trunk_demo/version_1").exists()

"""``python -m experiments.evaluate``: anybody's network, by any protocol, to a table, JSON, CSV and figures."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from datamodules.protocols import lfw_occ, lfw_pairs
from experiments.cli import UserError
from experiments.evaluate import evaluate
from experiments.evaluation.named_protocols import told_apart
from tests.datamodules.protocols.lfw_occ.small_lfw import write_small_lfw
from tests.experiments.runs_on_disk import CLASSIFIER, SOIDN, write_run
from tests.helpers.faces_on_disk import write_image_folder
from tests.helpers.processes import run_module_in_two

RESNET, GENERATED = "--extractor=resnet.yaml", "--protocol=generated"
PEOPLE = [f"person{number:02d}" for number in range(12)]


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Twelve people with three images each, pairs and a gallery."""
    root = write_image_folder(tmp_path / "faces", dict.fromkeys(PEOPLE, 3))
    pairs, roles = [["first", "second", "same", "fold"]], [["path", "identity", "role"]]
    for number, name in enumerate(PEOPLE):
        other = PEOPLE[(number + 2) % 12]  # of the same fold
        one, two, three = (f"{name}/{name}_{shot:04d}.jpg" for shot in (1, 2, 3))
        pairs += [[one, two, "1", str(number % 2)], [one, f"{other}/{other}_0003.jpg", "0", str(number % 2)]]
        roles += [[one, name, "gallery"], [two, name, "probe"], [three, name, "probe"]]
    for file, rows in (("pairs.csv", pairs), ("roles.csv", roles)):
        with (tmp_path / file).open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    return root


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small network, always the same."""
    import timm
    import torch

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "net.pth"
    torch.save(timm.create_model("resnet10t").state_dict(), path)
    return path


@pytest.fixture
def resnet(tmp_path: Path, weights: Path) -> str:
    settings = {"model_name": "resnet10t", "image_size": 32, "weights": str(weights)}
    content = {"class_path": "lightning_modules.extractors.TimmExtractor", "init_args": settings}
    (tmp_path / "resnet.yaml").write_text(yaml.safe_dump(content))
    return RESNET


def results(folder: str = "runs/evaluation") -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    read: dict[str, dict[str, dict[str, dict[str, float]]]] = json.loads(Path(folder, "results.json").read_text())
    return read


def test_pairs_of_an_own_table(faces: Path, resnet: str, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate([resnet, "--protocol=pairs", f"--root={faces}", "--table=pairs.csv", "--accelerator=cpu"])
    found = results()["resnet"]["pairs"]["all"]
    assert (found["pairs"], found["genuine"]) == (24, 12)
    assert 0 <= found["accuracy"] <= 1
    assert found["tar@far=0.1"] is not None
    assert found["tar@far=0.01"] is None
    said = capsys.readouterr().out
    assert "accuracy" in said
    for figure in ("roc.png", "scores.png", "errors_all.png"):
        assert Path("runs/evaluation/resnet/pairs", figure).stat().st_size > 1000
    rows = list(csv.DictReader(Path("runs/evaluation/results.csv").read_text().splitlines()))
    assert {"model": "resnet", "protocol": "pairs", "condition": "all", "measure": "pairs", "value": "24.0"} in rows
    assert not list(Path("runs/evaluation").rglob("*.tmp"))


def test_tradeoffs_of_all_protocols_are_one_figure_in_words_too(faces: Path, resnet: str) -> None:
    options = [f"--root={faces}", "--accelerator=cpu"]
    settings = {"root": str(faces), "table": "roles.csv"}
    described = {"class_path": "datamodules.protocols.csv_identification", "init_args": settings}
    Path("mine.yaml").write_text(yaml.safe_dump(described))
    evaluate([resnet, "--protocol=pairs", "--table=pairs.csv", "--protocol=mine.yaml", *options])
    with Image.open("runs/evaluation/det.png") as picture:
        said = picture.info["Description"]
    assert "resnet, pairs: both" in said
    with Image.open("runs/evaluation/det_of_searches.png") as picture:
        assert "FNIR over FPIR, normal-deviate axes. resnet, roles: both" in picture.info["Description"]
    evaluate([resnet, "--protocol=pairs", "--table=pairs.csv", *options, "--no-figures"])
    assert not Path("runs/evaluation/det.png").exists()
    assert Path("runs/evaluation/earlier/1/det.png").exists()


def test_gallery_images_are_joined_and_templates_read(faces: Path, resnet: str) -> None:
    common = [resnet, f"--root={faces}", "--accelerator=cpu", "--no-figures"]
    roles = Path("roles.csv").read_text().replace("_0002.jpg,person03,probe", "_0002.jpg,person03,gallery")
    Path("roles.csv").write_text(roles)
    for join in ("alone", "mean", "quality"):
        evaluate([*common, "--protocol=identification", "--table=roles.csv", f"--join={join}", f"--out={join}"])
        found = results(join)["resnet"]["roles"]["all"]
        assert (found["gallery"], found["probes"]) == (13 if join == "alone" else 12, 23)
    Path("meta").mkdir()
    shots = [(place, name, shot) for place, name in enumerate(PEOPLE) for shot in (1, 2, 3)]
    rows = [f"{name}/{name}_{shot:04d}.jpg {10 * place + shot // 3} {shot}" for place, name, shot in shots]
    Path("meta/own_face_tid_mid.txt").write_text("\n".join(rows))
    pairs = [f"{10 * a} {10 * b + 1} {int(a == b)}" for a in range(12) for b in range(12)]
    Path("meta/own_template_pair_label.txt").write_text("\n".join(pairs))
    evaluate([resnet, f"--root={faces}", "--accelerator=cpu", "--protocol=templates", "--meta=meta"])
    found = results()["resnet"]["own"]["all"]
    assert (found["pairs"], found["genuine"]) == (144, 12)
    assert Path("runs/evaluation/resnet/own/errors_all.png").stat().st_size > 1000
    with pytest.raises(UserError, match="Expected --join mean or quality with --protocol templates, got alone"):
        evaluate([*common, "--protocol=templates", "--meta=meta", "--join=alone"])
    with pytest.raises(UserError, match="Expected --meta with --protocol templates, got none"):
        evaluate([*common, "--protocol=templates"])


def test_models_stand_beside_each_other_and_images_are_embedded_once(
    faces: Path, resnet: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = write_run(tmp_path / "runs/model_a_demo/version_0", CLASSIFIER, system="Model A")
    checkpoint = f"--checkpoint={run}/last.ckpt"
    common = [resnet, checkpoint, f"--root={faces}", "--accelerator=cpu"]
    with caplog.at_level("INFO", "pytorch_lightning.utilities.rank_zero"):
        evaluate([*common, "--protocol=pairs", "--table=pairs.csv", "--no-figures"])
        evaluate([*common, "--protocol=identification", "--table=roles.csv"])
    said = [line for line in caplog.messages if "images to embed" in line]
    assert [line.partition(": ")[2] for line in said] == ["36 of 36 images to embed"] * 2 + [
        "0 of 36 images to embed"
    ] * 2
    names = set(results())
    assert names == {"resnet", "Model A (model_a_demo-version_0)"}
    for name in names:
        assert results()[name]["roles"]["all"]["probes"] == 24
    assert Path("runs/evaluation/resnet/roles/cmc.png").stat().st_size > 1000
    assert Path("runs/evaluation/resnet/roles/embeddings.png").stat().st_size > 1000


def test_lfw_occ_refuses_unknown_alignments_and_occluders_in_one_line(resnet: str, tmp_path: Path) -> None:
    root, pairs = write_small_lfw(tmp_path)
    common = [resnet, "--protocol=lfw_occ", f"--root={root}", f"--pairs={pairs}"]
    with pytest.raises(UserError, match=r"argument --categories: invalid choice: 'wig' \(choose from .*scarf"):
        evaluate([*common, "--categories", "scarf", "wig"])
    with pytest.raises(UserError, match=r"Expected --alignment, or .* among arcface, lfw, got 'mine'"):
        evaluate([*common, "--alignment=mine"])
    (root / "align_settings.json").write_text('{"template": "mine"}')
    with pytest.raises(UserError, match=r"or `template` of align_settings\.json of .*, among .*, got 'mine'"):
        evaluate(common)


def test_each_category_of_lfw_occ_is_a_condition(resnet: str, tmp_path: Path) -> None:
    root, pairs = write_small_lfw(tmp_path)
    options = [f"--root={root}", f"--pairs={pairs}", "--categories", "sunglasses", "scarf", "--accelerator=cpu"]
    evaluate([resnet, "--protocol=lfw_occ", *options])
    found = results()["resnet"]["lfw_occ"]
    assert {name: values["pairs"] for name, values in found.items()} == {"sunglasses": 4, "scarf": 4}
    assert found["sunglasses"]["decidability"] != found["scarf"]["decidability"]
    for folder in ("lfw_occ_sunglasses", "lfw_occ_scarf"):
        assert Path("runs/evaluation/resnet", folder, "roc.png").stat().st_size > 1000


def test_a_soidn_shows_what_it_segments_and_others_nothing(resnet: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs/soidn_demo/version_0", SOIDN, system="SOIDN")
    checkpoint = f"--checkpoint={run}/last.ckpt"
    root, pairs = write_small_lfw(tmp_path)
    options = [f"--root={root}", f"--pairs={pairs}", "--categories", "scarf", "--accelerator=cpu"]
    evaluate([resnet, checkpoint, "--protocol=lfw_occ", *options])
    drawn = list(Path("runs/evaluation").rglob("segmentation.png"))
    assert [path.parent.parent.name for path in drawn] == ["SOIDN_soidn_demo-version_0"]
    with Image.open(drawn[0]) as picture:
        width, height = picture.size
    assert width * 6 == pytest.approx(height * 4, rel=0.05)  # four faces; image, segmentation and four channels


MATCHED = ["--views", "mirror", "--matched=labels", "--rerank=4", "--no-figures", "--accelerator=cpu"]


def covered(tmp_path: Path) -> list[str]:
    """Return the options of a small protocol with label maps."""
    init = {"identities": 20, "images": 2, "categories": ["scarf"], "cache_dir": str(tmp_path / "drawn")}
    content = {"class_path": "datamodules.protocols.generated_protocol.generated_protocol", "init_args": init}
    Path("small.yaml").write_text(yaml.safe_dump(content))
    return ["--protocol=small.yaml"]


def test_four_ways_to_compare_stand_beside_each_other(resnet: str, tmp_path: Path) -> None:
    evaluate([resnet, *covered(tmp_path), *MATCHED])
    found = results()
    names = [
        f"resnet{way}" for way in ("", ", mirror", ", matched by labels top 4", ", mirror, matched by labels top 4")
    ]
    assert list(found) == names
    plain, mirror, matched, both = (found[name]["generated"] for name in names)
    assert "embeddings_a_pair" not in plain["all"]
    costs = [[way[c]["embeddings_a_pair"] for c in ("all", "scarf")] for way in (mirror, matched, both)]
    assert costs == [[4, 4], [2, 3], [4, 6]]
    assert [way["scarf"]["embeddings_a_probe"] for way in (mirror, matched, both)] == [2, 5, 10]
    for name, value in plain["all"].items():
        if name != "gallery_decidability":
            assert matched["all"][name] == (None if value is None else pytest.approx(value, abs=1e-5)), name
    assert matched["scarf"]["auc"] != plain["scarf"]["auc"]


def test_masks_of_a_model_and_settings_are_told_in_the_name(resnet: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs/soidn_demo/version_0", SOIDN, system="SOIDN")
    masks = [f"--matched={run}/last.ckpt", "--matched-setting", "least_share=0", "--matched-setting", "most_share=1.0"]
    evaluate([resnet, *covered(tmp_path), *masks, "--no-cache", "--no-figures", "--accelerator=cpu"])
    assert list(results()) == [
        "resnet",
        "resnet, matched by SOIDN (soidn_demo-version_0) least_share=0.0 most_share=1.0",
    ]
    assert not Path("runs/embeddings").exists()


def test_what_a_matched_comparison_has_painted_is_drawn(resnet: str, tmp_path: Path) -> None:
    options = [option for option in MATCHED if option != "--no-figures"]
    evaluate([resnet, *covered(tmp_path), *options])
    drawn = sorted(path.parent.parent.name for path in Path("runs/evaluation").rglob("matched.png"))
    assert drawn == ["resnet_matched_by_labels_top_4", "resnet_mirror_matched_by_labels_top_4"]
    with Image.open(next(Path("runs/evaluation").rglob("matched.png"))) as picture:
        width, height = picture.size
    assert width == pytest.approx(2 * height, rel=0.05)  # eight pairs; four rows


def test_random_views_stand_beside_the_plain_comparison_with_what_they_cost(resnet: str, tmp_path: Path) -> None:
    evaluate([resnet, *covered(tmp_path), "--random-views=3", "--no-figures", "--accelerator=cpu"])
    plain, views = (found["generated"]["scarf"] for found in results().values())
    assert list(results()) == ["resnet", "resnet, 3 random views"]
    assert (views["embeddings_a_pair"], views["embeddings_a_probe"]) == (6, 3)
    assert views["auc"] != plain["auc"]


def test_discarding_the_worst_images_is_told_by_condition_and_drawn(resnet: str, tmp_path: Path) -> None:
    qualities = ["--quality=norm", "--quality=labels", "--discard-error=0.3", "--accelerator=cpu"]
    evaluate([resnet, *covered(tmp_path), *qualities])
    found = results()["resnet"]["generated"]
    assert list(found) == ["all", "scarf", "together"]
    for condition in found.values():
        for quality in ("norm", "covered by labels"):
            low, gain, high = (condition[f"discard_gain, {quality}{end}"] for end in ("_low", "", "_high"))
            assert low <= gain <= high
    assert found["all"]["discard_gain, covered by labels"] == pytest.approx(0, abs=1e-9)  # nobody is covered
    (picture,) = Path("runs/evaluation").rglob("discard.png")
    with Image.open(picture) as drawn:
        assert "together, norm: 30.0 %" in drawn.info["Description"]


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_match_as_one_does(resnet: str, tmp_path: Path) -> None:
    options = [resnet, *covered(tmp_path), *MATCHED]
    evaluate([*options, "--out=one"])
    run_module_in_two("experiments.evaluate", *options, "--out=two", "--devices=2", "--no-cache")
    one, two = results("one"), results("two")
    assert list(one) == list(two)
    for name, found in one.items():
        for measure, value in found["generated"]["scarf"].items():
            other = two[name]["generated"]["scarf"][measure]
            assert other == (None if value is None else pytest.approx(value, abs=1e-3)), (name, measure)


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_find_what_one_does(faces: Path, resnet: str) -> None:
    common = [resnet, "--protocol=pairs", f"--root={faces}", "--table=pairs.csv", "--no-cache", "--no-figures"]
    evaluate([*common, "--accelerator=cpu", "--out=one"])
    run_module_in_two("experiments.evaluate", *common, "--accelerator=cpu", "--devices=2", "--out=two")
    one, two = (results(folder)["resnet"]["pairs"]["all"] for folder in ("one", "two"))
    assert one.keys() == two.keys()
    for measure, value in one.items():
        assert two[measure] == (value if value is None else pytest.approx(value, abs=1e-6)), measure


def test_a_protocol_of_ones_own_is_a_yaml_file(faces: Path, resnet: str) -> None:
    named = {"class_path": "datamodules.protocols.csv_pairs", "init_args": {"root": str(faces), "table": "pairs.csv"}}
    Path("mine.yaml").write_text(yaml.safe_dump(named))
    common = [resnet, "--accelerator=cpu", "--no-figures"]
    evaluate([*common, "--protocol=mine.yaml", "--out=own"])
    evaluate([*common, "--protocol=pairs", f"--root={faces}", "--table=pairs.csv", "--out=named"])
    assert results("own") == results("named")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("class_path: losses.TripletLoss", r"mine\.yaml: .*not correspond to a subclass of EvaluationProtocol"),
        ("class_path: datamodules.protocols.nope", r"mine\.yaml: .*has no attribute 'nope'"),
        (
            "class_path: datamodules.protocols.ar_faces\ninit_args: {rout: x}",
            r"mine\.yaml: .*Option 'rout' is not accepted",
        ),
        ("class_path: datamodules.protocols.ar_faces\ninit_args: {root: nowhere}", r"mine\.yaml: .*nowhere"),
    ],
)
def test_refuses_a_yaml_file_of_no_protocol(content: str, message: str, resnet: str) -> None:
    Path("mine.yaml").write_text(content)
    with pytest.raises(UserError, match=message) as refused:
        evaluate([resnet, "--protocol=mine.yaml"])
    assert "\n" not in str(refused.value)


def test_protocols_of_one_name_are_told_apart(tmp_path: Path) -> None:
    root, pairs = write_small_lfw(tmp_path)
    lfw = lfw_pairs(root, pairs)
    occluded = [lfw_occ(root, pairs, category) for category in ("scarf", "cup", "scarf")]
    names = [protocol.name for protocol in told_apart([lfw, lfw, *occluded, lfw])]
    assert names == [lfw.name, f"{lfw.name}-2", "lfw_occ", "lfw_occ", "lfw_occ-2", f"{lfw.name}-3"]
    pairs_of = lfw.verification["all"]
    several = replace(lfw, verification={"a": pairs_of, "b": pairs_of})
    other = replace(lfw, verification={"c": pairs_of, "d": pairs_of})
    single = replace(lfw, verification={"e": pairs_of})
    names = [protocol.name for protocol in told_apart([several, other, single, several])]
    assert names == [lfw.name, f"{lfw.name}-2", f"{lfw.name}-3", f"{lfw.name}-4"]


def test_missing_images_stop_the_run_or_are_counted(
    faces: Path, resnet: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from datamodules.errors import DataError

    (faces / "person03/person03_0002.jpg").unlink()
    options = [resnet, "--protocol=pairs", f"--root={faces}", "--table=pairs.csv", "--accelerator=cpu", "--no-figures"]
    with pytest.raises(DataError, match=r"person03_0002\.jpg"):
        evaluate(options)
    evaluate([*options, "--allow-missing"])
    assert results()["resnet"]["pairs"]["all"]["pairs"] == 23
    assert "left out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([GENERATED], "--checkpoint or --extractor, got neither"),
        ([RESNET, "--protocol=bin"], "--bin with --protocol bin, got none"),
        (
            ["--extractor=resnet.yaml", "--protocol=lfw", "--root=nowhere"],
            r"Expected --pairs, or one of nowhere/pairs\.txt",
        ),
        (["--extractor=nowhere.yaml", GENERATED], r"nowhere\.yaml"),
        (
            ["--extractor=resnet.yaml", "--config=a.yaml", "--protocol=generated"],
            "one --checkpoint with --config, got 0",
        ),
        ([RESNET, "--protocol=megaface"], "among lfw, .*, segmentation, or a YAML file, got 'megaface'"),
        ([RESNET, "--protocol=nowhere.yaml"], r"nowhere\.yaml"),
        (["--checkpoint=nowhere.ckpt", GENERATED], r"nowhere\.ckpt"),
        ([RESNET, GENERATED, "--matched=nowhere.ckpt"], r"nowhere\.ckpt"),
        ([RESNET, GENERATED, "--matched=resnet.yaml"], "--matched of a model that segments faces, got resnet.yaml"),
        ([RESNET, GENERATED, "--random-views=1"], "--random-views of at least 2, got 1"),
        ([RESNET, GENERATED, "--quality=resnet.yaml"], "--quality of a model that segments faces, got resnet.yaml"),
        ([RESNET, GENERATED, "--discard-error=0.1"], "Expected --quality with --discard-error, got none"),
        ([RESNET, GENERATED, "--quality=norm", "--discard-error=1"], r"--discard-error in \(0, 1\), got '1'"),
        ([RESNET, GENERATED, "--rerank=9"], "Expected --matched with --rerank, got none"),
        ([RESNET, GENERATED, "--matched=labels", "--rerank=1"], "--rerank of at least 2, got 1"),
        ([RESNET, GENERATED, "--matched=labels", "--matched-setting=red=1"], "NAME of weight, fill, .* got 'red=1'"),
        ([RESNET, GENERATED, "--matched=labels", "--matched-setting=grow=big"], "grow of type int, got 'big'"),
        ([RESNET, GENERATED, "--matched=labels", "--matched-setting=weight=2"], "`weight` from 0 to 1, got 2"),
    ],
)
def test_refuses_in_one_line(args: list[str], message: str, resnet: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        evaluate(args)
    assert "\n" not in str(refused.value)


def test_refuses_an_extractor_with_another_key(resnet: str, tmp_path: Path) -> None:
    content = yaml.safe_load(Path("resnet.yaml").read_text())
    content["init_args"]["image_sise"] = 3
    Path("resnet.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match="image_sise"):
        evaluate([resnet, "--protocol=generated"])
    assert np.all([not path.exists() for path in (tmp_path / "runs",)])

"""``evaluate --protocol segmentation``: every kind of model that segments, sets of photographs, what is refused."""

import json
from pathlib import Path

import pytest
import yaml

from experiments.cli import UserError
from experiments.evaluate import evaluate
from experiments.evaluation.labelled_sets import labelled_option
from tests.experiments.runs_on_disk import CLASSIFIER, OS, SOIDN, write_run
from tests.helpers.labelled_sets import write_masks
from tests.helpers.onnx_files import write_means

SMP = {
    "class_path": "lightning_modules.SegmentationModule",
    "init_args": {
        "network": {
            "class_path": "lightning_modules.networks.SMPSegmenter",
            "init_args": {"arch": "Unet", "encoder_name": "tu-resnet10t"},
        }
    },
}
MEASURES = {"iou", "iou_clean", "iou_occluded", "boundary_f", "false_alarm", "calibration_error"}
SEGMENTATION = ["--protocol=segmentation", "--accelerator=cpu"]


@pytest.fixture
def cofw(tmp_path: Path) -> str:
    return f"cofw={write_masks(tmp_path / 'COFW', 9)}"


def results() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    read: dict[str, dict[str, dict[str, dict[str, float]]]] = json.loads(
        Path("runs/evaluation/results.json").read_text()
    )
    return read


def test_soidn_and_os_network_are_measured_on_every_set(
    cofw: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_masks(tmp_path / "wild", 7, images="image", white=1)
    described = {"class_path": "datamodules.sources.RealOcc", "init_args": {"root": str(other), "person": "(000.)"}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(described))
    models = [
        f"--checkpoint={write_run(tmp_path / f'runs/{name}/version_0', model, system=name)}/last.ckpt"
        for name, model in (("soidn", SOIDN), ("os", OS))
    ]
    evaluate([*models, *SEGMENTATION, f"--labelled={cofw}", f"--labelled={tmp_path / 'mine.yaml'}"])
    found = results()
    assert set(found) == {"soidn (soidn-version_0)", "os (os-version_0)"}
    for sets in found.values():
        assert {name: conditions["all"]["images"] for name, conditions in sets.items()} == {"cofw": 9, "mine": 7}
        for conditions in sets.values():
            assert {"all", "real", "covered 0 %"} <= set(conditions)
            every = conditions["all"]
            assert every["images"] == conditions["real"]["images"] + conditions["covered 0 %"]["images"]
            for name in MEASURES & set(every):
                assert 0 <= every[f"{name}_low"] <= every[f"{name}_high"] <= 1
    assert "calibration error" in capsys.readouterr().out
    for figure in ("reliability", "by_condition", "worst", "segmentation"):
        for model in ("soidn_soidn-version_0", "os_os-version_0"):
            assert Path(f"runs/evaluation/{model}/cofw/{figure}.png").stat().st_size > 1000


@pytest.mark.slow
def test_a_model_of_another_library_and_what_it_is_exported_as_measure_the_same(cofw: str, tmp_path: Path) -> None:
    from experiments.export import export

    folder = write_run(tmp_path / "runs/smp/version_0", SMP, system="smp")
    export([f"--checkpoint={folder}/last.ckpt", f"--out={tmp_path / 'exported'}"])
    extractor = f"--extractor={tmp_path / 'exported'}"
    evaluate([f"--checkpoint={folder}/last.ckpt", extractor, *SEGMENTATION, f"--labelled={cofw}", "--no-figures"])
    one, other = (sets["cofw"]["all"] for sets in results().values())
    assert set(one) == set(other)
    for name, value in one.items():
        assert other[name] == pytest.approx(value, abs=2e-3)


def test_an_onnx_segmenter_of_others_says_which_output_it_is(cofw: str, tmp_path: Path) -> None:
    path = write_means(tmp_path / "maps.onnx", outputs=["map"])
    for name, marks_face in (("occluder", False), ("face", True)):
        settings = {"path": path, "occluder": {"output": "map", "channel": 0, "marks_face": marks_face}}
        described = {"class_path": "lightning_modules.extractors.OnnxExtractor", "init_args": settings}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(described))
    models = ["--extractor=occluder.yaml", "--extractor=face.yaml"]
    evaluate([*models, *SEGMENTATION, f"--labelled={cofw}", "--no-figures"])
    occluder, face = (results()[name]["cofw"]["all"] for name in ("occluder", "face"))
    assert set(occluder) >= MEASURES
    assert occluder["false_alarm"] + face["false_alarm"] == pytest.approx(1, abs=1e-3)  # but for ties


def test_what_cannot_be_measured_is_refused_in_a_line(cofw: str, tmp_path: Path) -> None:
    segments = f"--checkpoint={write_run(tmp_path / 'runs/os/version_0', OS, system='os')}/last.ckpt"
    embeds = f"--checkpoint={write_run(tmp_path / 'runs/net/version_0', CLASSIFIER, system='net')}/last.ckpt"
    with pytest.raises(UserError, match="Expected --labelled with --protocol segmentation, got none"):
        evaluate([segments, *SEGMENTATION])
    with pytest.raises(UserError, match="Expected a model and a protocol with something to measure, got none"):
        evaluate([embeds, *SEGMENTATION, f"--labelled={cofw}"])
    for option, said in (
        (["--quality=norm"], "Expected a protocol of pairs of images with --quality, got none from cofw"),
        (["--intervals=5"], "Expected a protocol that compares faces with --intervals, got segmentation"),
    ):
        with pytest.raises(UserError, match=said):
            evaluate([segments, *SEGMENTATION, f"--labelled={cofw}", *option])
    for wrong in ("cofw", "cofw=", "lfw=there", "there"):
        with pytest.raises(UserError, match="Expected --labelled among cofw=FOLDER, realocc=FOLDER"):
            labelled_option(wrong)
    (tmp_path / "COFW/mask/0003.png").write_bytes(b"")
    with pytest.raises(Exception, match=r"cofw: expected images with label maps, 1 of 9 cannot be used: .*0003\.png"):
        evaluate([segments, *SEGMENTATION, f"--labelled={cofw}"])

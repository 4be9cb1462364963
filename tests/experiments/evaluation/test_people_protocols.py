"""People with and without masks, by ``python -m experiments.evaluate``: conditions, intervals, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from datamodules.errors import DataError
from experiments.cli import UserError
from experiments.evaluate import evaluate
from experiments.evaluation.evaluation_options import parsed
from experiments.evaluation.named_protocols import named_protocols
from tests.datamodules.protocols.people_files import write_mfr2, write_rof_pickles, write_worn
from tests.helpers.faces_on_disk import encode

COUNTS = {
    "AFDB_face_dataset": {f"p{n:02}": 3 for n in range(12)},
    "AFDB_masked_face_dataset": {f"p{n:02}": 2 for n in range(12)},
}


@pytest.fixture
def model(alone: Path) -> str:
    """A small network with weights of its own."""
    import timm
    import torch

    torch.manual_seed(0)
    torch.save(timm.create_model("resnet10t").state_dict(), alone / "net.pth")
    settings = {"model_name": "resnet10t", "image_size": 32, "weights": "net.pth"}
    content = {"class_path": "lightning_modules.extractors.TimmExtractor", "init_args": settings}
    (alone / "net.yaml").write_text(yaml.safe_dump(content))
    return "--extractor=net.yaml"


def named(*options: str) -> list[str]:
    (protocol,) = named_protocols(parsed(["--extractor=net.yaml", *options], ""))
    return [protocol.name, *protocol.verification]


def test_measures_of_each_condition_have_intervals_over_people(model: str, alone: Path) -> None:
    write_worn(alone / "faces", COUNTS)
    for number, path in enumerate(sorted((alone / "faces").rglob("*.jpg"))):  # nobody can be told from anybody
        noise = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        path.write_bytes(encode(noise))
    options = ["--protocol=rmfrd", "--root=faces", "--out=out", "--no-figures", "--accelerator=cpu"]
    with pytest.raises(DataError, match=r"as published, 525 people, got 12; .*; --allow-other-counts takes others"):
        evaluate([model, *options])
    evaluate([model, *options, "--allow-other-counts"])
    found = json.loads((alone / "out/results.json").read_text())["net"]["rmfrd"]
    assert set(found) == {"masked-masked", "masked-unmasked", "unmasked-unmasked", "masked", "unmasked"}
    for condition, measures in found.items():
        name = "eer" if "-" in condition else "rank1"
        assert measures[f"{name}_low"] <= measures[name] <= measures[f"{name}_high"]
        assert measures[f"{name}_low"] < measures[f"{name}_high"]


def test_each_is_named_with_its_files(alone: Path) -> None:
    write_mfr2(alone / "mfr2")
    (alone / "mfr2/mfr2_labels.txt").rename(alone / "what.txt")
    mfr2 = named("--protocol=mfr2", "--root=mfr2", "--labels=what.txt", "--pairs=mfr2/pairs.txt")
    assert mfr2 == ["mfr2", "all", "masked-unmasked", "unmasked-unmasked", "masked-masked"]
    rof = {"neutral": {"ann": 2, "bea": 2}, "masked": {"ann_wearing_mask": 1, "bea_wearing_mask": 1}}
    write_rof_pickles(alone / "lists", rof)
    write_worn(alone / "crops", rof)
    options = ("--protocol=rof", "--root=crops", "--pickles=lists", "--allow-other-counts")
    assert named(*options) == ["rof", "masked-unmasked", "unmasked-unmasked"]


def test_intervals_can_be_asked_of_any_protocol(alone: Path) -> None:
    write_worn(alone / "faces", COUNTS)
    options = ["--extractor=net.yaml", "--protocol=rmfrd", "--root=faces", "--allow-other-counts"]
    asked = [[], ["--intervals=0"], ["--intervals=40"]]
    replicates = [named_protocols(parsed([*options, *more], ""))[0].replicates for more in asked]
    assert replicates == [500, 0, 40]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--protocol=rof"], "Expected --root with --protocol rof, got none"),
        (["--protocol=rof", "--root=x", "--labels=y"], "Expected --protocol mfr2 with --labels, got rof"),
        (["--protocol=mfr2", "--root=x", "--pickles=y"], "Expected --protocol rof with --pickles, got mfr2"),
    ],
)
def test_refuses_options_of_another(options: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        named(*options)

"""LFW's pairs under own occluder images: which pairs, which images, drawn alike every time."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from datamodules.errors import DataError
from datamodules.protocols import EvaluationProtocol, lfw_own
from experiments.cli import UserError
from experiments.evaluate import evaluate
from tests.datamodules.protocols.lfw_occ.small_lfw import write_small_lfw

EYES = {"left_eye": [10, 10], "right_eye": [50, 10]}
COLOURS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250)}


def write_occluders(folder: Path) -> Path:
    """Write a red and a green bar of one category, of both splits, and a blue one of another."""
    folder.mkdir()
    entries = []
    for name, category, split in (("red", "bar", "train"), ("green", "bar", "held_out"), ("blue", "band", "train")):
        image = np.full((20, 60, 4), 255, np.uint8)
        image[..., :3] = COLOURS[name][::-1]
        cv2.imwrite(str(folder / f"{name}.png"), image)
        entries.append({"file": f"{name}.png", "category": category, "anchors": EYES, "split": split})
    (folder / "occluders.yaml").write_text(yaml.safe_dump({"occluders": entries}))
    return folder


@pytest.fixture
def protocol(tmp_path: Path) -> EvaluationProtocol:
    root, pairs = write_small_lfw(tmp_path)
    return lfw_own(root, pairs, write_occluders(tmp_path / "own"), landmarks="arcface")


def test_each_category_is_a_condition_of_the_same_pairs(protocol: EvaluationProtocol) -> None:
    assert protocol.name == "lfw_own"
    assert list(protocol.verification) == ["bar", "band"]
    one, other = protocol.verification.values()
    assert np.array_equal(one.same, other.same)
    assert np.array_equal(one.first, other.first)
    assert not set(one.second) & set(other.second)


def test_held_out_images_are_used_where_there_are_some_and_labels_are_where_they_cover(
    protocol: EvaluationProtocol,
) -> None:
    for condition, colour in (("bar", COLOURS["green"]), ("band", COLOURS["blue"])):
        for index in protocol.verification[condition].second.tolist():
            image, label = protocol.source.image(index), protocol.source.label_map(index)  # type: ignore[attr-defined]
            assert 0.02 < label.mean() < 0.5
            assert int(np.argmax(image[label > 0].mean(0))) == int(np.argmax(colour))
    left = int(protocol.verification["bar"].first[0])
    assert not protocol.source.label_map(left).any()  # type: ignore[attr-defined]


def test_an_image_is_a_function_of_seed_category_and_pair(tmp_path: Path) -> None:
    root, pairs = write_small_lfw(tmp_path)
    folder = write_occluders(tmp_path / "own")
    one, again, other = (lfw_own(root, pairs, folder, seed=seed) for seed in (0, 0, 1))
    last = len(one.source) - 1
    assert np.array_equal(one.source.image(last), again.source.image(last))
    assert not np.array_equal(one.source.image(last), other.source.image(last))


def test_refuses_in_one_line(tmp_path: Path) -> None:
    root, pairs = write_small_lfw(tmp_path)
    with pytest.raises(DataError, match="expected a folder of occluder images, found none"):
        lfw_own(root, pairs, tmp_path / "nowhere")
    options = ["--extractor=a.yaml", "--protocol=lfw_occ", f"--root={root}", "--occluders=own"]
    with pytest.raises(UserError, match="Expected --occluders without --severity and --categories"):
        evaluate([*options, "--severity=high"])

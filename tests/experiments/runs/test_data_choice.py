"""Scale, faces and pixels of a run, as far as its configuration does not say."""

import numpy as np
import pytest

from experiments.runs.data_choice import (
    DataChoice,
    choose_scale,
    demo_min_images,
    fewer_identities,
    fitting_pixels,
    longer,
)
from experiments.runs.layers import merged
from experiments.runs.setting import Setting


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
    config = merged("soidn_demo")
    assert longer(config, 3) == {"trainer.max_epochs": 3 * config["trainer"]["max_epochs"]}
    assert longer(config, 1) == {}


def test_batches_of_identities_are_of_as_many_as_there_are() -> None:
    assert fewer_identities(merged("triplet_demo"), 9) == {"data.init_args.identity_batches.identities": 9}
    assert fewer_identities(merged("triplet_demo"), 500) == {}
    assert fewer_identities(merged("trunk_demo"), 9) == {}


@pytest.mark.parametrize("system", ["soidn", "segmentation", "baseline", "trunk"])
def test_the_papers_configuration_fits_the_weights_it_starts_from(system: str) -> None:
    config = merged(f"{system}_casia")
    assert fitting_pixels(config, "vgg_face.pth") == {}
    random, imagenet = fitting_pixels(config, None), fitting_pixels(config, "imagenet")
    key = "model.init_args.normalize.init_args"
    assert random[key]["mean"] == [127.5] * 3
    assert imagenet[key]["mean"][0] == pytest.approx(123.67, abs=0.01)
    skips = {
        "soidn": {"model.init_args.network.init_args.segmenter.init_args.skip_scales": [1.0, 1.0]},
        "segmentation": {"model.init_args.network.init_args.skip_scales": [1.0, 1.0]},
    }
    assert {name: value for name, value in random.items() if name != key} == skips.get(system, {})


@pytest.mark.parametrize("weights", [None, "imagenet", "model_a.ckpt"])
def test_model_a_keeps_its_grey_pixels(weights: str | None) -> None:
    assert fitting_pixels(merged("model_a_casia"), weights) == {}


def test_the_user_s_options_change_what_was_chosen() -> None:
    setting = Setting("demo", DataChoice(repeat=2), overrides=("--trainer.max_epochs=1",))
    words = setting.spec("soidn", {"trainer.precision": "16"}).words()
    assert words == [
        "fit",
        "--config=soidn_demo",
        "--trainer.max_epochs=16",
        "--trainer.precision=16",
        "--trainer.max_epochs=1",
    ]

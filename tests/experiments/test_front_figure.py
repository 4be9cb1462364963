"""The picture at the front of the README, from a tiny run."""

from pathlib import Path

import pytest
from PIL import Image

from experiments.cli import UserError, run
from experiments.front_figure import front_figure
from tests.experiments.conftest import Options


def trained(system: str, options: Options) -> str:
    cli = run(["fit", f"--config={system}_demo", *options, "--evaluate=false"])
    return f"--checkpoint={cli.trainer.log_dir}/checkpoints/last.ckpt"


@pytest.mark.slow
def test_shows_faces_segmentation_and_map(tiny: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callbacks.occlusion_sensitivity.maps.correctly_classified", lambda *args: args[2].argsort())
    front_figure([trained("soidn", tiny), "--images=4", "--stride=32", "--out=pictures/front.png"])
    with Image.open("pictures/front.png") as picture:
        assert 1000 <= picture.width <= 1400
        assert picture.mode == "RGB"  # a palette would have to dither
        assert len(picture.getcolors(1 << 24) or []) > 1000
    assert Path("pictures/front.png").stat().st_size <= 300_000


def test_refuses_a_model_without_segmentation(tiny: Options) -> None:
    with pytest.raises(UserError, match="Expected a checkpoint of a SOIDN, got one of ClassifierModule"):
        front_figure([trained("trunk", tiny)])

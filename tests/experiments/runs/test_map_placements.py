"""Noise patches that are placed by a map are found in any occluder; a map that is missing is made, or refused."""

from pathlib import Path
from typing import Any

import pytest

from experiments.cli.user_errors import UserError
from experiments.runs.map_placements import map_placements, maps_to_make

MAP = {"class_path": "datamodules.occluders.StrategicPlacement", "init_args": {"map_file": "a.npz", "temperature": 1.0}}
START, END = "data.init_args.training_occluder", ".init_args.placement.init_args.map_file"


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


def curriculum(occluder: object) -> dict[str, object]:
    return {"class_path": "datamodules.occluders.Curriculum", "init_args": {"epochs": 2, "occluder": occluder}}


def config(occluder: object) -> dict[str, Any]:
    return {"data": {"class_path": "datamodules.FaceDataModule", "init_args": {"training_occluder": occluder}}}


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
        (curriculum(mixture(a=patch(MAP))), ["occluder.init_args.occluders.a"]),
    ],
)
def test_placements_by_a_map_are_found_in_any_occluder(occluder: object, keys: list[str]) -> None:
    found = map_placements(config(occluder))
    whole = [f"{START}.init_args.{key}{END}" for key in keys] or ([START + END] if occluder == patch(MAP) else [])
    assert [placement.key for placement in found] == whole
    assert all(placement[1:] in {((5, 5), Path("a.npz"), 1.0), ((7, 7), Path("a.npz"), 1.0)} for placement in found)


def test_the_configuration_s_own_map_is_made_and_another_has_to_be_there() -> None:
    own = config(patch(MAP))
    assert [placement.key for placement in maps_to_make(own, own)] == [START + END]
    with pytest.raises(UserError, match=r"a\.npz: expected an occlusion map, found no such file"):
        maps_to_make(own, config(None))
    Path("a.npz").touch()
    assert maps_to_make(own, own) == maps_to_make(own, config(None)) == []


def test_what_another_run_leaves_need_not_be_there_yet() -> None:
    left = {**MAP, "init_args": {"map_file": "runs/occlusion_maps/0123456789ab/a.npz", "temperature": 1.0}}
    assert maps_to_make(config(patch(left)), config(None)) == []

"""Strategic placement: the paper's Eq. 4, drawn from a file that may be replaced while in use."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.occluders import OcclusionMap, StrategicPlacement, placement_distribution

MAP = np.array([[0.0, 0.5, 0.25], [1.0, 0.75, 0.0]])


def save(path: Path, error: NDArray[Any], occluder_size: tuple[int, int] = (2, 2)) -> Path:
    OcclusionMap(error, occluder_size, np.zeros(3, np.float32), 1, np.arange(5), "3f2a", "last.ckpt").save(path)
    return path


def only(row: int, column: int, shape: tuple[int, int] = (2, 3)) -> NDArray[np.float64]:
    """A map on which a low temperature leaves one pixel to choose."""
    error = np.zeros(shape)
    error[row, column] = 1
    return error


def test_the_distribution_by_hand() -> None:
    """e^(O/T) with T = 1/ln 16: powers of 2 for quarters."""
    temperature = 1 / np.log(16)
    np.testing.assert_allclose(
        placement_distribution(MAP, temperature), np.array([[1, 4, 2], [16, 8, 1]]) / 32, rtol=1e-12
    )


@pytest.mark.parametrize("temperature", [0.25, 0.4, 0.6])
def test_the_distribution_of_a_slow_loop(temperature: float) -> None:
    error = np.random.default_rng(0).random((7, 5)).astype(np.float32)
    found = placement_distribution(error, temperature)
    total = sum(np.exp(float(o) / temperature) for o in error.ravel())
    for place, o in np.ndenumerate(error):
        assert found[place] == pytest.approx(np.exp(float(o) / temperature) / total, rel=1e-12)
    assert found.dtype == np.float64
    assert found.sum() == pytest.approx(1, abs=1e-12)


def test_a_high_temperature_gives_every_pixel_the_same() -> None:
    np.testing.assert_allclose(placement_distribution(MAP, 1e9), np.full((2, 3), 1 / 6), rtol=1e-8)


@pytest.mark.parametrize("temperature", [1e-3, 1e-300, 5e-324])
def test_a_low_temperature_gives_all_to_the_maxima(temperature: float) -> None:
    np.testing.assert_allclose(placement_distribution(MAP, temperature), only(1, 0), atol=1e-12)
    twice = np.array([[0.5, 0.2], [0.1, 0.5]])
    np.testing.assert_allclose(placement_distribution(twice, temperature), [[0.5, 0], [0, 0.5]], atol=1e-12)


def test_a_constant_added_to_the_map_changes_nothing() -> None:
    np.testing.assert_allclose(placement_distribution(MAP / 2 + 0.3, 0.1), placement_distribution(MAP / 2, 0.1))


@pytest.mark.parametrize("temperature", [0.0, -0.25, float("nan"), float("inf")])
def test_refuses_a_temperature(temperature: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`temperature` above 0 and finite, got"):
        placement_distribution(MAP, temperature)
    with pytest.raises(ValueError, match="`temperature` above 0 and finite, got"):
        StrategicPlacement(save(tmp_path / "map.npz", MAP), temperature)


def test_refuses_a_map_that_is_no_image() -> None:
    with pytest.raises(ValueError, match=r"`error_map` of shape \(H, W\), got \(3,\)"):
        placement_distribution(np.zeros(3), 0.25)


def test_centres_are_drawn_by_the_distribution(tmp_path: Path) -> None:
    place = StrategicPlacement(save(tmp_path / "map.npz", MAP), temperature=0.4)
    rng, draws = np.random.default_rng(0), 4000
    counts = np.zeros((2, 3))
    for _ in range(draws):
        counts[place(2, 3, rng)] += 1
    expected = draws * placement_distribution(MAP, 0.4)
    assert ((counts - expected) ** 2 / expected).sum() < 15.1  # 99 % quantile at 5 degrees of freedom


def test_one_number_is_drawn_for_a_centre(tmp_path: Path) -> None:
    place = StrategicPlacement(save(tmp_path / "map.npz", MAP), temperature=0.4)
    one, other = np.random.default_rng(0), np.random.default_rng(0)
    place(2, 3, one)
    other.random()
    assert one.random() == other.random()


def test_the_lowest_and_the_highest_draw_are_pixels_that_can_be_drawn(tmp_path: Path) -> None:
    """A pixel of probability 0 is never drawn, not even first or last."""

    class Fixed:
        def __init__(self, value: float) -> None:
            self.value = value

        def random(self) -> float:
            return self.value

    place = StrategicPlacement(save(tmp_path / "map.npz", only(1, 0)), temperature=1e-3)
    for value in (0.0, 1 - 2**-53):
        assert place(2, 3, Fixed(value)) == (1, 0)  # type: ignore[arg-type] # all that is asked of a generator


def test_a_replaced_map_is_followed(tmp_path: Path) -> None:
    path = save(tmp_path / "map.npz", only(1, 0))
    place, rng = StrategicPlacement(path, temperature=1e-3), np.random.default_rng(0)
    for row, column in ((1, 0), (0, 2), (1, 1)):
        save(path, only(row, column))
        assert place(2, 3, rng) == (row, column)


def test_an_unchanged_map_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = StrategicPlacement(save(tmp_path / "map.npz", only(1, 0)), temperature=1e-3)
    monkeypatch.setattr(OcclusionMap, "load", None)
    assert place(2, 3, np.random.default_rng(0)) == (1, 0)


def test_travels_to_worker_processes_and_follows_the_file_there(tmp_path: Path) -> None:
    path = save(tmp_path / "map.npz", only(1, 0))
    copy = pickle.loads(pickle.dumps(StrategicPlacement(path, temperature=1e-3)))  # noqa: S301 our own bytes
    assert copy(2, 3, np.random.default_rng(0)) == (1, 0)
    save(path, only(0, 1))
    assert copy(2, 3, np.random.default_rng(0)) == (0, 1)


def test_refuses_an_image_of_another_size(tmp_path: Path) -> None:
    place = StrategicPlacement(save(tmp_path / "map.npz", MAP), temperature=0.25)
    with pytest.raises(DataError, match=r"map.npz: expected images of the map's 2 × 3 pixels .*, got one of 3 × 2"):
        place(3, 2, np.random.default_rng(0))


def test_refuses_an_occluder_of_another_size(tmp_path: Path) -> None:
    place = StrategicPlacement(save(tmp_path / "map.npz", MAP, (20, 40)), temperature=0.25)
    place.check_occluder(20, 40)
    with pytest.raises(DataError, match=r"map.npz: expected an occluder of the map's 20 × 40 .*, got one of 40 × 20"):
        place.check_occluder(40, 20)


def test_refuses_a_file_that_is_no_map_at_construction(tmp_path: Path) -> None:
    path = tmp_path / "map.npz"
    with pytest.raises(DataError, match=r"map.npz: expected an occlusion map, found no such file"):
        StrategicPlacement(path, temperature=0.25)
    path.write_text("no map")
    with pytest.raises(DataError, match=r"map.npz: expected an occlusion map \(.npz\), got a file"):
        StrategicPlacement(path, temperature=0.25)


def test_refuses_what_replaces_the_map_and_does_not_belong(tmp_path: Path) -> None:
    path, rng = save(tmp_path / "map.npz", MAP), np.random.default_rng(0)
    place = StrategicPlacement(path, temperature=0.25)
    for _ in range(2):  # as often as it is asked
        save(path, MAP.T)
        with pytest.raises(DataError, match=r"expected a map of 2 × 3 pixels .*, got one of 3 × 2"):
            place(2, 3, rng)
        save(path, MAP, (3, 3))
        with pytest.raises(DataError, match=r"expected a map of an occluder of 2 × 2 pixels .*, got one of 3 × 3"):
            place(2, 3, rng)
    path.unlink()
    with pytest.raises(DataError, match="found no such file"):
        place(2, 3, rng)

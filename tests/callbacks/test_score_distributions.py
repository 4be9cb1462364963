"""Distances of genuine and impostor pairs: those of two loops, and the picture of both sides of a training."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from callbacks import ScoreDistributions
from callbacks.row_collector import Rows
from callbacks.score_distributions import MEASURES, NUM_BINS, Distribution, draw_distributions, pair_distances
from losses import decidability


def rows(identities: list[int], seed: int = 0) -> Rows:
    number = len(identities)
    embeddings = 5 * torch.randn(number, 4, generator=torch.Generator().manual_seed(seed))
    return Rows(["none"] * number, torch.arange(number), torch.tensor(identities), embeddings)


def loops(table: Rows) -> tuple[Tensor, Tensor]:
    z = normalize(table.value)
    genuine: list[Tensor] = []
    impostor: list[Tensor] = []
    for i in range(len(z)):
        for j in range(i + 1, len(z)):
            (genuine if table.identity[i] == table.identity[j] else impostor).append((z[i] - z[j]).square().sum())
    return torch.stack(genuine), torch.stack(impostor)


def test_every_pair_counts_once() -> None:
    table = rows([0, 0, 1, 1, 1, 2])
    for found, expected in zip(pair_distances(table, 100), loops(table), strict=True):
        torch.testing.assert_close(found, expected)


def test_an_embedding_of_zeros_is_as_far_as_one_at_right_angles() -> None:
    table = Rows(["none"] * 3, torch.arange(3), torch.tensor([0, 0, 1]), torch.tensor([[0.0, 0], [0, 0], [1, 0]]))
    genuine, impostor = pair_distances(table, 100)
    assert (genuine.tolist(), impostor.tolist()) == ([2.0], [2.0, 2.0])


def test_more_faces_than_wanted_are_all_faces_of_some_people() -> None:
    table = rows([i // 5 for i in range(50)])
    genuine, impostor = pair_distances(table, 20)
    assert (len(genuine), len(impostor)) == (4 * 10, 6 * 25)
    again, _ = pair_distances(table, 20)
    assert torch.equal(genuine, again)


def test_measures_and_histograms() -> None:
    genuine, impostor = torch.tensor([0.1, 0.3]), torch.tensor([1.0, 2.0, 3.999])
    found = Distribution.of(genuine, impostor)
    assert found.measures["mu_ap"] == pytest.approx(0.2)
    assert found.measures["var_ap"] == pytest.approx(0.01)
    assert found.measures["decidability"] == decidability(genuine, impostor)
    assert found.genuine.sum() == found.impostor.sum() == 1
    assert found.impostor[-1] == pytest.approx(1 / 3)
    assert found.genuine[int(0.1 / 4 * NUM_BINS)] == 0.5


class Run:
    """A trainer's and a module's parts that the callback looks at."""

    def __init__(self, folder: Path) -> None:
        self.trainer: Any = SimpleNamespace(
            log_dir=str(folder), loggers=[object()], sanity_checking=False, num_sanity_val_steps=float("inf")
        )
        self.trainer.is_global_zero = True
        self.logged: dict[str, float] = {}

    def log_dict(self, values: dict[str, Tensor]) -> None:
        self.logged |= {name: float(value) for name, value in values.items()}

    def validate(self, callback: ScoreDistributions, table: Rows, *, sanity: bool = False) -> None:
        self.trainer.sanity_checking = sanity
        batch = {"occluder": table.occluder, "index": table.index, "identity": table.identity}
        callback.setup(self.trainer, self, "fit")  # type: ignore[arg-type]  # a stand-in
        callback.on_validation_batch_end(self.trainer, self, {"embedding": table.value}, batch, 0)  # type: ignore[arg-type]
        callback.on_validation_epoch_end(self.trainer, self)  # type: ignore[arg-type]

    def end(self, callback: ScoreDistributions) -> NDArray[np.uint8]:
        callback.on_fit_end(self.trainer, self)  # type: ignore[arg-type]
        return np.asarray(Image.open(f"{self.trainer.log_dir}/figures/score_distributions.png"))


def test_logs_the_measures_of_a_validation(tmp_path: Path) -> None:
    run, table = Run(tmp_path), rows([0, 0, 1, 1])
    run.validate(ScoreDistributions(), table)
    genuine, impostor = loops(table)
    assert run.logged == {
        "val/mu_ap": pytest.approx(float(genuine.mean())),
        "val/mu_an": pytest.approx(float(impostor.mean())),
        "val/var_ap": pytest.approx(float(genuine.var(correction=0))),
        "val/var_an": pytest.approx(float(impostor.var(correction=0))),
        "val/decidability": pytest.approx(float(decidability(genuine, impostor))),
    }


def test_draws_before_and_after(tmp_path: Path) -> None:
    run, callback = Run(tmp_path), ScoreDistributions()
    run.validate(callback, rows([0, 0, 1, 1]), sanity=True)
    assert run.logged == {}
    run.validate(callback, rows([0, 0, 1, 1], seed=1))
    both = run.end(callback)
    alone = ScoreDistributions()
    run.validate(alone, rows([0, 0, 1, 1], seed=1))
    assert len(both) > 1.5 * len(run.end(alone))


def test_a_part_of_the_validation_is_no_before(tmp_path: Path) -> None:
    run, callback = Run(tmp_path), ScoreDistributions()
    run.trainer.num_sanity_val_steps = 2
    run.validate(callback, rows([0, 0, 1, 1]), sanity=True)
    assert callback.state_dict()["before"] is None


def test_a_resumed_run_keeps_its_before(tmp_path: Path) -> None:
    run, callback, resumed = Run(tmp_path), ScoreDistributions(), ScoreDistributions()
    run.validate(callback, rows([0, 0, 1, 1]), sanity=True)
    torch.save(callback.state_dict(), tmp_path / "state.pt")
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    run.validate(resumed, rows([0, 0, 1, 1], seed=1))
    run.validate(callback, rows([0, 0, 1, 1], seed=1))
    assert np.array_equal(run.end(resumed), run.end(callback))


def test_a_run_resumed_at_its_end_draws_what_it_would_have(tmp_path: Path) -> None:
    run, callback, resumed = Run(tmp_path), ScoreDistributions(), ScoreDistributions()
    run.validate(callback, rows([0, 0, 1, 1]), sanity=True)
    run.validate(callback, rows([0, 0, 1, 1], seed=1))
    torch.save(callback.state_dict(), tmp_path / "state.pt")
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    resumed.setup(run.trainer, run, "fit")  # type: ignore[arg-type]  # a stand-in
    assert np.array_equal(run.end(resumed), run.end(callback))


@pytest.mark.parametrize("people", [[0, 0, 0], [0, 1, 2]])
def test_without_both_kinds_of_pairs_the_measures_are_there_but_nothing(people: list[int], tmp_path: Path) -> None:
    run, callback = Run(tmp_path), ScoreDistributions()
    run.validate(callback, rows(people), sanity=True)
    run.validate(callback, rows(people))
    assert set(run.logged) == {f"val/{name}" for name in MEASURES}
    assert all(math.isnan(value) for value in run.logged.values())
    callback.on_fit_end(run.trainer, run)  # type: ignore[arg-type]  # a stand-in
    assert not (tmp_path / "figures").exists()


def test_a_picture_of_everything_at_one_point_can_be_drawn(tmp_path: Path) -> None:
    draw_distributions({"after": Distribution.of(torch.zeros(3), torch.zeros(4))}, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_refuses_fewer_than_two_faces() -> None:
    with pytest.raises(ValueError, match="`num_faces` of at least 2"):
        ScoreDistributions(num_faces=1)

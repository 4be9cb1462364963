"""Statistics of triplets, by hand, and the line that a collapsed run is reported with."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from callbacks import TripletStatistics, triplet_statistics
from callbacks.triplet_statistics import statistics
from lightning_modules import TripletModule, TripletOutput
from losses import mine_triplets, triplet_distances

SQUARE = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])


class Recording(TripletModule):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(2, 2), 2)
        self.recorded: dict[str, float] = {}

    def log(self, name: str, value: Any, *args: Any, **kwargs: Any) -> None:
        self.recorded[name] = float(value)


@pytest.fixture
def module() -> Recording:
    return Recording()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What users are told."""
    said: list[str] = []
    monkeypatch.setattr(triplet_statistics, "rank_zero_info", said.append)
    return said


def output(embedding: Tensor, identity: list[int]) -> TripletOutput:
    people = torch.tensor(identity, device=embedding.device)
    triplets = mine_triplets(embedding, people, margin=0.5, strategy="all_violating")
    d_ap, d_an = triplet_distances(embedding, *triplets)
    return TripletOutput(loss=torch.tensor(0.0), embedding=embedding, identity=people, d_ap=d_ap, d_an=d_an)


def train(callback: TripletStatistics, module: Recording, embeddings: list[Tensor], identity: list[int]) -> None:
    trainer: Any = SimpleNamespace(global_step=0, current_epoch=3)
    callback.on_train_epoch_start(trainer, module)
    for step, embedding in enumerate(embeddings):
        trainer.global_step = step + 1
        callback.on_train_batch_end(trainer, module, output(embedding, identity), {}, step)  # type: ignore[typeddict-item]  # not read
    callback.on_train_epoch_end(trainer, module)
    callback.on_fit_end(trainer, module)


def test_all_are_where_the_embeddings_are(device: torch.device) -> None:
    for identity in ([0, 0, 1, 1], [0, 1, 2, 3]):  # with triplets and without
        made = statistics(output(SQUARE.to(device), identity), margin=0.5)
        assert {value.device.type for value in made.values()} == {device.type}


def test_golden_values() -> None:
    # neighbours at squared distance 2, opposites at 4; people (0, 1) and (2, 3) are neighbours: of 8 triplets, the
    # four with a neighbour as negative (2 < 2 + 0.5) are active
    values = {name: float(v) for name, v in statistics(output(SQUARE, [0, 0, 1, 1]), margin=0.5).items()}
    assert values == {
        "mu_ap": 2.0,
        "mu_an": 2.0,
        "var_ap": 0.0,
        "var_an": 0.0,
        "decidability": 0.0,
        "triplets": 4.0,
        "without_triplets": 0.0,
        "active_share": 0.5,
        "zero_loss_share": 0.5,
        "spread": 1.0,
    }


def test_means_and_variances_are_those_of_the_mined_triplets() -> None:
    given = output(torch.randn(8, 3, generator=torch.Generator().manual_seed(0)), [0, 0, 0, 1, 1, 1, 2, 2])
    values = statistics(given, margin=0.5)
    assert values["mu_ap"] == given["d_ap"].mean()
    assert values["var_an"] == given["d_an"].var(correction=0)
    assert values["triplets"] == len(given["d_an"]) > 1


def test_what_a_batch_does_not_have_is_not_logged(module: Recording) -> None:
    train(TripletStatistics(), module, [SQUARE], [0, 1, 2, 3])
    assert module.recorded == {"train/triplets": 0, "train/without_triplets": 1, "train/spread": 1}


def test_batches_that_cannot_have_triplets_are_reported(module: Recording, lines: list[str]) -> None:
    train(TripletStatistics(), module, [SQUARE, SQUARE], [0, 1, 2, 3])
    (line,) = lines
    assert line.startswith("No triplets in epoch 3, nothing was learned: no batch holds two faces of one identity")
    assert "`data.init_args.identity_batches`" in line


def test_an_epoch_whose_triplets_are_all_satisfied_is_reported(module: Recording, lines: list[str]) -> None:
    train(TripletStatistics(), module, [torch.tensor([[0.0], [0.0], [5.0], [5.0]])], [0, 0, 1, 1])
    assert lines == ["No triplets in epoch 3, nothing was learned: no triplet is what the strategy asks for"]


def test_one_batch_with_triplets_is_enough(module: Recording, lines: list[str]) -> None:
    satisfied = torch.tensor([[0.0, 0.0], [0.0, 0.0], [5.0, 0.0], [5.0, 0.0]])
    train(TripletStatistics(), module, [satisfied, SQUARE], [0, 0, 1, 1])
    assert lines == []


def test_a_collapse_is_reported_once_and_again_at_the_end(module: Recording, lines: list[str]) -> None:
    collapsed = SQUARE * 0.2  # a spread of 0.04
    train(TripletStatistics(patience=3), module, [SQUARE, *[collapsed] * 6], [0, 0, 1, 1])
    assert len(lines) == 2
    assert lines[0].startswith("Collapsed at step 4: the spread of the embeddings is 0.04, it was 1;")
    assert lines[1] == "Collapsed: the embeddings fell together at step 4 and have stayed so"
    assert all("\n" not in line for line in lines)


def test_a_narrow_beginning_is_no_collapse(module: Recording, lines: list[str]) -> None:
    train(TripletStatistics(patience=3), module, [SQUARE * 0.2] * 9, [0, 0, 1, 1])
    assert lines == []


def test_a_run_that_begins_at_a_point_is_collapsed(module: Recording, lines: list[str]) -> None:
    train(TripletStatistics(patience=3), module, [SQUARE * 1e-3] * 9, [0, 0, 1, 1])
    assert len(lines) == 2


def test_a_run_that_recovers_is_not_reported_at_the_end(module: Recording, lines: list[str]) -> None:
    collapsed = SQUARE * 0.2
    train(TripletStatistics(patience=3), module, [SQUARE, *[collapsed] * 4, SQUARE], [0, 0, 1, 1])
    assert len(lines) == 1
    train(TripletStatistics(patience=3), module, [SQUARE, *[collapsed, collapsed, SQUARE] * 4], [0, 0, 1, 1])
    assert len(lines) == 1


def test_a_resumed_run_is_measured_against_its_beginning(module: Recording, lines: list[str]) -> None:
    before, after = TripletStatistics(patience=1), TripletStatistics(patience=1)
    train(before, module, [SQUARE], [0, 0, 1, 1])
    after.load_state_dict(before.state_dict())
    train(after, module, [SQUARE * 0.2], [0, 0, 1, 1])
    assert lines[0].startswith("Collapsed at step 1")


def test_refuses_a_module_without_triplets() -> None:
    with pytest.raises(ValueError, match=r"mines triplets \(TripletModule\), got LightningModule"):
        TripletStatistics().setup(None, LightningModule(), "fit")  # type: ignore[arg-type]  # not read


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"collapse_share": 1.0}, r"`collapse_share` in \[0, 1\)"), ({"patience": 0}, "`patience` of at least 1")],
)
def test_refuses_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TripletStatistics(**settings)

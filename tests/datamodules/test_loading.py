"""Loading: sizes in range, and processes that stay between epochs where there are some."""

from typing import Any

import pytest

from datamodules import FaceDataModule, Loading, SplitSettings
from tests.helpers.doubles import PlainSource, RandomSquare


@pytest.mark.parametrize(("setting", "least"), [("batch_size", 2), ("evaluation_batch_size", 1), ("num_workers", 0)])
def test_refuses_sizes(setting: str, least: int) -> None:
    settings: dict[str, Any] = {setting: least}
    Loading(**settings)
    with pytest.raises(ValueError, match=f"`{setting}` of at least {least}, got {least - 1}"):
        Loading(**settings | {setting: least - 1})


def test_processes_stay_between_epochs() -> None:
    assert [Loading(num_workers=n).settings()["persistent_workers"] for n in (0, 2)] == [False, True]


def test_only_training_faces_come_with_clean_views() -> None:
    data = FaceDataModule(
        PlainSource([12] * 8),
        training_occluder=RandomSquare(),
        image_size=32,
        loading=Loading(num_workers=0, batch_size=8, clean_views=True),
        split=SplitSettings(min_images=10, num_unseen=3),
    )
    train, *others = (
        next(iter(loader)) for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    )
    assert train["clean"].shape == (8, 3, 32, 32)
    assert train["clean"][:, 0, 0, 0].tolist() == train["index"].tolist()  # an image's level is its index
    assert not any("clean" in batch for batch in others)

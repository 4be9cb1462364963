"""Loading: sizes in range, and processes that stay between epochs where there are some."""

import pytest

from datamodules import Loading


@pytest.mark.parametrize(("setting", "least"), [("batch_size", 2), ("evaluation_batch_size", 1), ("num_workers", 0)])
def test_refuses_sizes(setting: str, least: int) -> None:
    Loading(**{setting: least})
    with pytest.raises(ValueError, match=f"`{setting}` of at least {least}, got {least - 1}"):
        Loading(**{setting: least - 1})


def test_processes_stay_between_epochs() -> None:
    assert [Loading(num_workers=n).settings()["persistent_workers"] for n in (0, 2)] == [False, True]

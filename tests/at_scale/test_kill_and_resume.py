"""A killed training goes on to the weights of an undisturbed one; the benchmark of that name kills more of them."""

import random
from pathlib import Path

import pytest

from tests.at_scale.kill_and_resume import trials
from tests.helpers.processes import start_server


@pytest.mark.slow
def test_killed_while_it_writes_a_checkpoint_a_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    start_server()  # the tests' own: it has the suite in memory
    (killed,) = trials("A_20×20", 1, tmp_path, random.Random(0))  # noqa: S311  # no secret
    assert killed.writing
    assert killed.batches < 12  # none, where it was the first checkpoint
    assert killed.different == 0

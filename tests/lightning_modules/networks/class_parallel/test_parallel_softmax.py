"""Classes over processes: loss, accuracy and gradients are those of one softmax over all classes."""

from pathlib import Path

import pytest

from tests.helpers.processes import run_in

CODE = """
from tests.helpers.parallel_heads import HEADS, as_a_whole, over_processes

for head in HEADS:
    for num_classes in (7, 12):
        for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
            expected, found = as_a_whole(head, num_classes, dtype), over_processes(head, num_classes, dtype)
            assert expected.keys() == found.keys()
            for name, one in expected.items():
                scale = max(1.0, float(one.double().abs().max()))
                torch.testing.assert_close(found[name], one, rtol=0, atol=tolerance * scale, msg=f"{head} {name}")
"""


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_the_loss_and_its_gradients_are_those_of_one_process_with_all_classes(processes: int, tmp_path: Path) -> None:
    run_in(processes, CODE, tmp_path)

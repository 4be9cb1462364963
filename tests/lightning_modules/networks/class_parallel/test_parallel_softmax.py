"""Classes over processes: loss, accuracy and gradients are those of one softmax over all classes."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lightning_modules.networks.class_parallel import ParallelSoftmax
from tests.helpers.parallel_heads import HEADS, as_a_whole, batch, gradients, network_and_classifier
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


SAMPLED = """
from tests.helpers.parallel_heads import HEADS, as_a_whole, sampled_over_processes

for head in HEADS:
    for num_classes in (7, 12, 40):
        for rate in (0.01, 0.3, 0.99):
            classes, found = sampled_over_processes(head, num_classes, torch.float64, rate)
            assert len(classes.unique()) == len(classes)
            expected = as_a_whole(head, num_classes, torch.float64, classes)
            for name, one in found.items():
                torch.testing.assert_close(one, expected[name], rtol=0, atol=1e-12, msg=f"{head} {rate} {name}")
"""


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_the_loss_of_a_sample_is_that_of_a_classifier_of_these_classes_alone(processes: int, tmp_path: Path) -> None:
    run_in(processes, SAMPLED, tmp_path)


@pytest.mark.parametrize("head", HEADS)
def test_one_process_alone_has_the_loss_of_the_classifier(head: str) -> None:
    network, classifier = network_and_classifier(head, 7, torch.float64)
    images, identities = batch(7, torch.float64)
    found = ParallelSoftmax(classifier[1])(network(images), identities)
    torch.autograd.backward(found.loss)
    expected = as_a_whole(head, 7, torch.float64)
    torch.testing.assert_close(found.loss.detach(), expected["loss"], rtol=0, atol=1e-12)
    assert torch.equal(found.correct, expected["correct"])
    for name, gradient in gradients(network, classifier).items():
        torch.testing.assert_close(gradient, expected[name], rtol=0, atol=1e-12)


def test_a_face_whose_scores_are_no_numbers_has_no_finite_result_and_is_wrong() -> None:
    embeddings = torch.tensor([[1.0, 0.0], [torch.nan, 0.0]])
    found = ParallelSoftmax(nn.Linear(2, 3))(embeddings, torch.tensor([0, 1]))
    assert found.results.isfinite().flatten().tolist() == [True, False]
    assert not found.correct[1]

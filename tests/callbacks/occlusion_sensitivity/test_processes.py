"""Several processes share the images and all come to the map of one."""

from pathlib import Path

import pytest
import torch
from torch import nn

from callbacks.occlusion_sensitivity import occlusion_error_map
from tests.callbacks.occlusion_sensitivity.networks import head, sample_of
from tests.helpers.processes import run_in_two

CODE = """
from callbacks.occlusion_sensitivity import occlusion_error_map
network, images, labels = torch.load(f"{folder}/given.pt", weights_only=False)
maps = [
    occlusion_error_map(network, images[:n], labels[:n], occluder_size=(5, 4), fill=2.0, stride=2) for n in (6, 1)
]
torch.save(maps, f"{folder}/{rank}.pt")
"""


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_return_the_map_of_one_bit_by_bit(tmp_path: Path) -> None:
    layers = nn.Sequential(nn.Conv2d(1, 6, 3), *head(6))
    network, images, labels = sample_of(layers, (1, 13, 12), number=6)
    labels[2] = (labels[2] + 1) % 5  # misclassified: what is left is shared out
    torch.save((network, images, labels), tmp_path / "given.pt")
    run_in_two(CODE, tmp_path)
    shared = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for position, number in enumerate([6, 1]):  # shares of 3 and 2 images; a process without any
        alone = occlusion_error_map(network, images[:number], labels[:number], occluder_size=(5, 4), fill=2.0, stride=2)
        assert alone.max() > 0
        assert all(torch.equal(maps[position], alone) for maps in shared)

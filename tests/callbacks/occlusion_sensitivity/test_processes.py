"""Several processes share the images and all come to the map of one."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import callbacks
from callbacks.occlusion_sensitivity import occlusion_error_map
from tests.callbacks.occlusion_sensitivity.networks import head, sample_of

CODE = """
import sys, torch
from torch import distributed
from callbacks.occlusion_sensitivity import occlusion_error_map
rank, folder = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
network, images, labels = torch.load(f"{folder}/given.pt", weights_only=False)
maps = [
    occlusion_error_map(network, images[:n], labels[:n], occluder_size=(5, 4), fill=2.0, stride=2) for n in (6, 1)
]
torch.save(maps, f"{folder}/{rank}.pt")
distributed.destroy_process_group()
"""


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_return_the_map_of_one_bit_by_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = nn.Sequential(nn.Conv2d(1, 6, 3), *head(6))
    network, images, labels = sample_of(layers, (1, 13, 12), number=6)
    labels[2] = (labels[2] + 1) % 5  # misclassified: what is left is shared out
    torch.save((network, images, labels), tmp_path / "given.pt")
    monkeypatch.setenv("PYTHONPATH", str(Path(str(callbacks.__file__)).parent.parent))
    commands = [[sys.executable, "-W", "error", "-c", CODE, str(rank), str(tmp_path)] for rank in range(2)]
    running = [subprocess.Popen(c, stderr=subprocess.PIPE, text=True) for c in commands]  # noqa: S603  our own code
    try:
        for process in running:
            _, errors = process.communicate(timeout=150)
            assert process.returncode == 0, errors
    finally:
        for process in running:
            process.kill()
    shared = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for position, number in enumerate([6, 1]):  # shares of 3 and 2 images; a process without any
        alone = occlusion_error_map(network, images[:number], labels[:number], occluder_size=(5, 4), fill=2.0, stride=2)
        assert alone.max() > 0
        assert all(torch.equal(maps[position], alone) for maps in shared)
